//! The scripts themselves: as little shell as possible.

/// For bash. Words are taken from the line, because bash breaks them at `=` and `:`; for the same reason only what
/// follows the last of these is handed back.
pub(super) const BASH: &str = r#"_dataproc1() {
    local line=${COMP_LINE:0:COMP_POINT} current candidate cut
    local -a words
    read -ra words <<<"$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    current=${words[-1]}
    cut=${current%"${current##*[=:]}"}
    COMPREPLY=()
    while IFS=$'\t' read -r candidate _; do
        COMPREPLY+=("${candidate#"$cut"}")
    done < <(dataproc1 __complete "${words[@]:1}" 2>/dev/null)
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[=./] ]]; then
        compopt -o nospace
    fi
}
complete -o default -F _dataproc1 dataproc1
"#;

/// For zsh.
pub(super) const ZSH: &str = r#"#compdef dataproc1
_dataproc1() {
    local -a values texts
    local line value
    for line in ${(f)"$(dataproc1 __complete "${(@)words[2,CURRENT]}" 2>/dev/null)"}; do
        value=${line%%$'\t'*}
        values+=("$value")
        texts+=("$value  -- ${line#*$'\t'}")
    done
    if (( ${#values} == 0 )); then
        _files
    elif [[ ${#values} -eq 1 && $values[1] != *[=./] ]]; then
        compadd -Q -d texts -- $values
    else
        compadd -Q -S '' -d texts -- $values
    fi
}
if [[ $funcstack[1] == _dataproc1 ]]; then _dataproc1 "$@"; else compdef _dataproc1 dataproc1; fi
"#;

/// For fish.
pub(super) const FISH: &str = r#"function __dataproc1_complete
    set -l words (commandline -opc)
    dataproc1 __complete $words[2..-1] (commandline -ct) 2>/dev/null
end
complete -c dataproc1 -f -a '(__dataproc1_complete)'
"#;
