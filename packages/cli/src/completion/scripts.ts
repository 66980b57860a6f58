/** What a shell reads once; the proposals come from the command itself, so that they are those of its version. */
export const scripts = {
  bash: `# tenantry completion for bash: eval "$(tenantry completion bash)"
_tenantry() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" line rest=nothing
  [ "$cur" = "=" ] && cur=""
  COMPREPLY=()
  while IFS= read -r line; do
    case "$line" in
      :*) rest="\${line#:}" ;;
      *) COMPREPLY+=("\${line%%$'\\t'*}") ;;
    esac
  done < <("\${COMP_WORDS[0]}" __complete "\${COMP_WORDS[@]:1:COMP_CWORD-1}" "$cur" 2>/dev/null)
  case "$rest" in
    directories) compopt -o filenames; COMPREPLY=($(compgen -d -- "$cur")) ;;
    files) compopt -o filenames; COMPREPLY=($(compgen -f -- "$cur")) ;;
    nospace) compopt -o nospace ;;
  esac
}
complete -F _tenantry tenantry
`,
  zsh: `#compdef tenantry
# tenantry completion for zsh: eval "$(tenantry completion zsh)"
_tenantry() {
  local line word about rest=nothing
  local -a proposals
  while IFS= read -r line; do
    case "$line" in
      :*) rest="\${line#:}" ;;
      *)
        word="\${line%%$'\\t'*}" about="\${line#*$'\\t'}"
        proposals+=("\${word//:/\\\\:}\${about:+:$about}")
        ;;
    esac
  done < <("\${words[1]}" __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)
  case "$rest" in
    directories) _files -/ ;;
    files) _files ;;
    nospace) _describe tenantry proposals -S "" ;;
    *) _describe tenantry proposals ;;
  esac
}
if [[ "\${funcstack[1]}" == _tenantry ]]; then
  # A file below fpath: zsh has read it to complete something now.
  _tenantry
else
  (( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }
  compdef _tenantry tenantry
fi
`,
  fish: `# tenantry completion for fish: tenantry completion fish | source
function __tenantry_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l lines ($words[1] __complete $words[2..-1] "$current" 2>/dev/null)
    switch $lines[-1]
        case :directories
            __fish_complete_directories "$current"
        case :files
            __fish_complete_path "$current"
        case '*'
            string match -v ':*' -- $lines
    end
end
complete -c tenantry -f -a "(__tenantry_complete)"
`,
} as const;
