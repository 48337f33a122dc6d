# bash completion of pitch: `pitch completion bash` prints this.
_pitch() {
  local line=${COMP_LINE:0:COMP_POINT} cur word meaning
  local -a words
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  cur=${words[${#words[@]}-1]}
  # bash takes "=" and ":" for ends of words, and wants only what follows the last one.
  local done=${cur%"${COMP_WORDS[COMP_CWORD]}"}
  [[ ${COMP_WORDS[COMP_CWORD]} == [=:] ]] && done=$cur
  COMPREPLY=()
  while IFS=$'\t' read -r word meaning; do
    if [[ $word == :files ]]; then
      compopt -o default
    else
      COMPREPLY+=("${word#"$done"}")
    fi
  done < <("${words[0]}" __complete "${words[@]:1}" 2>/dev/null)
}
complete -F _pitch pitch
