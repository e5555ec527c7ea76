"""Shell scripts that complete ``kubectl-netpol`` when it is called by that name. kubectl brings its own for the plugin.

They hand the words to ``kubectl-netpol __complete`` and read what ``complete`` says: values, then the directive.
"""

from __future__ import annotations

_BASH = r"""# kubectl-netpol, completed by bash: source <(kubectl-netpol completion bash)
_kubectl_netpol() {
    local line=${COMP_LINE:0:COMP_POINT} current said directive words breaks before flag=
    read -ra words <<< "$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    current=${words[${#words[@]} - 1]}
    said=$("${words[0]}" __complete "${words[@]:1}" 2>/dev/null) || return
    directive=${said##*:}
    said=${said%:*}
    # readline replaces only what stands behind the last break character of the word, such as : or =, and @ itself.
    breaks=${COMP_WORDBREAKS//[[:space:]\"\']}
    before=${current%"${current##*[$breaks]}"}
    before=${before%@}
    [[ $current == -*=* ]] && flag=${current%%=*}= current=${current#*=}
    local IFS=$'\n'
    COMPREPLY=($(while IFS=$'\t' read -r value _; do
        [[ -n $value && $value == "$current"* ]] && value=$flag$value && printf '%s\n' "${value#"$before"}"
    done <<< "$said"))
    if [[ ${#COMPREPLY[@]} -eq 0 ]]; then
        case $directive in
        0) compopt -o default 2>/dev/null ;;
        16) compopt -o dirnames 2>/dev/null ;;
        esac
    elif ((directive & 2)); then
        compopt -o nospace 2>/dev/null
    fi
}
complete -F _kubectl_netpol kubectl-netpol
"""

_ZSH = r"""#compdef kubectl-netpol
# kubectl-netpol, completed by zsh: source <(kubectl-netpol completion zsh)
_kubectl_netpol() {
    local said directive value description
    local -a found prefix suffix
    said=$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null) || return
    directive=${said##*:}
    [[ ${words[CURRENT]} == -*=* ]] && prefix=(-P "${words[CURRENT]%%=*}=")
    while IFS=$'\t' read -r value description; do
        [[ -n $value ]] && found+=("${value//:/\\:}${description:+:$description}")
    done <<< "${said%:*}"
    (( directive & 2 )) && suffix=(-S '')
    if (( ${#found} )); then
        _describe -t values value found "${prefix[@]}" "${suffix[@]}"
    elif [[ $directive == 0 ]]; then
        compset -P '-*='
        compset -P '*-file='
        _files
    elif [[ $directive == 16 ]]; then
        compset -P '-*='
        _files -/
    fi
}
compdef _kubectl_netpol kubectl-netpol
"""

_FISH = r"""# kubectl-netpol, completed by fish: kubectl-netpol completion fish | source
function __kubectl_netpol
    set -l words (commandline -opc)
    set -l last (commandline -ct)
    set -a words "$last"
    set -l said ($words[1] __complete $words[2..-1] 2>/dev/null)
    set -l flag (string match -r -- '^-.*?=' $words[-1])
    if test (count $said) -gt 1
        printf '%s\n' "$flag"$said[1..-2]  # fish adds no blank behind =
        return
    end
    set -l before (string match -r -- '^(?:-[^=]*=)?(?:[a-z-]*-file=)?' $words[-1])
    set -l begun (string sub -s (math (string length -- "$before") + 1) -- $words[-1])
    switch "$said[-1]"
        case :0
            for one in (__fish_complete_path "$begun")
                echo "$before$one"
            end
        case :16
            for one in (__fish_complete_directories "$begun")
                echo "$before$one"
            end
    end
end
complete -c kubectl-netpol -f -a '(__kubectl_netpol)'
"""

SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}
"""By shell."""
