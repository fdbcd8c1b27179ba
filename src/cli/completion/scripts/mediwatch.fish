# Completion of mediwatch for fish.
function __mediwatch_complete
    set -l typed (commandline -opc)
    set -l raw (commandline -ct)
    set -l current (string unescape -- "$raw"; or string trim --left --chars '"\'' -- "$raw")
    set -l lines ($typed[1] __complete fish $typed[2..-1] "$current" 2>/dev/null </dev/null)
    set -l prefix (string match --regex -- '^--[^=]+=' "$raw")
    set -l path (string replace -- "$prefix" '' "$raw")
    switch "$lines[1]"
        case files
            string replace --regex -- '^' "$prefix" (__fish_complete_path "$path")
        case folders
            string replace --regex -- '^' "$prefix" (__fish_complete_directories "$path" '')
        case values
            string join -- \n $lines[2..-1]
    end
end
complete --command mediwatch --no-files --keep-order --arguments '(__mediwatch_complete)'
