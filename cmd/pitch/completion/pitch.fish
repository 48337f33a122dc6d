# fish completion of pitch: `pitch completion fish` prints this.
function __pitch_complete
    set -l words (commandline -opc) (commandline -ct)
    for found in ($words[1] __complete $words[2..-1] 2>/dev/null)
        if test "$found" = ":files"
            __fish_complete_path (commandline -ct)
        else
            echo $found
        end
    end
end
complete -c pitch -f -a '(__pitch_complete)'
