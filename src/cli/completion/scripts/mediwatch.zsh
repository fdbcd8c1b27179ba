#compdef mediwatch
# Completion of mediwatch for zsh.
_mediwatch() {
  local program=${(Q)words[1]} line value
  local -a before lines described
  program=${program/#\~\//$HOME/}
  (( CURRENT > 2 )) && before=("${(@Q)words[2,CURRENT-1]}")
  lines=("${(@f)$("$program" __complete zsh "${before[@]}" "${(Q)PREFIX}" 2>/dev/null </dev/null)}")
  [[ $PREFIX == --*=* ]] && compset -P 1 '*='
  case $lines[1] in
    files) _files ;;
    folders) _files -/ ;;
    values)
      for line in "${(@)lines[2,-1]}"; do
        value=${line%%$'\t'*}
        value=${value//\\/\\\\}
        described+=("${value//:/\\:}:${line#*$'\t'}")
      done
      (( $#described )) && _describe -V mediwatch described
      ;;
  esac
}
if [[ $funcstack[1] == _mediwatch ]]; then
  _mediwatch "$@"
else
  (( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
  compdef _mediwatch mediwatch
fi
