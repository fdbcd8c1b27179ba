# Completion of mediwatch for bash.
_mediwatch() {
  local program=$1 kind='' line
  program=${program/#\~/$HOME}
  type -P "$program" >/dev/null || program=mediwatch
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ -z $kind ]]; then kind=$line; else COMPREPLY+=("$line"); fi
  done < <("$program" __complete bash "${COMP_LINE:0:COMP_POINT}" "$COMP_WORDBREAKS" 2>/dev/null </dev/null)
  case $kind in
    files) compopt -o default 2>/dev/null ;;
    folders) compopt -o dirnames 2>/dev/null ;;
    *) compopt -o nosort 2>/dev/null ;;
  esac
  return 0
}
complete -F _mediwatch mediwatch
