import ImageCatalogue
import Workloads

/// Small programs that run as root inside machines. What they say goes to the machine's console: the serial port.
enum MachineScript {
    /// Waits until systemd, where there is one, has started all that it starts by itself; a minute at most.
    ///
    /// It is asked again while it is too young to answer.
    static let settled = shell(
        """
        B=\(GuestTools.path)/bin/busybox
        [ -x /lib/systemd/systemd ] || exit 0
        exec $B timeout 60 $B sh -c '
            until case $(systemctl is-system-running --wait 2> /dev/null) in
                running | degraded | maintenance | stopping) true ;;
                *) false ;;
            esac; do sleep 0.2; done'
        """
    )

    /// Runs the metadata's startup script, once after each start of the machine; systemd's unit does, where systemd runs.
    ///
    /// Its input is what machines with older tools run.
    static let startup = shell(
        metadataScript(
            "startup-script",
            before: onceAfterStart("startup-script"),
            """
            [ -d /run/systemd/system ] && exec $B touch /run/google-startup-scripts
            exec $runner startup
            """
        )
    )
    /// Runs the metadata's shutdown script; systemd's unit does, where systemd runs, when the machine is told to end.
    static let shutdown = shell(
        metadataScript(
            "shutdown-script",
            """
            [ -d /run/systemd/system ] && exit
            exec $runner shutdown
            """
        )
    )

    /// Runs a container's program in its machine, again and again as its policy says, later each time.
    static func container(restartPolicy: String, program: [String]) -> ExecSpec {
        var spec = shell(
            """
            \(console)
            \(onceAfterStart("container"))
            policy=$1; shift; pause=1
            while :; do
                "$@" < /dev/null > "$console" 2>&1; code=$?
                case $policy in Never) exit 0 ;; OnFailure) [ $code = 0 ] && exit 0 ;; esac
                $B sleep $pause; pause=$((pause * 2)); [ $pause -gt 60 ] && pause=60
            done
            """
        )
        spec.command += ["brume-container", restartPolicy] + program
        return spec
    }

    private static func metadataScript(_ name: String, before: String = "", _ run: String) -> String {
        """
        \(console)
        runner=\(GuestTools.path)/bin/google_metadata_script_runner
        f=/.brume-run/\(name); $B cat > $f
        \(before)
        if [ -x $runner ]; then
            $B rm $f
            \(run)
        fi
        $B chmod 700 $f
        [ -s $f ] || { echo "\(name): its address is read by machines made since" > "$console"; exit; }
        { $f 2>&1; echo "exit status $?"; } < /dev/null | while IFS= read -r line || [ -n "$line" ]; do
            echo "\(name): $line"
        done > "$console"
        """
    }

    private static let console = """
        B=\(GuestTools.path)/bin/busybox
        console=/proc/1/fd/1; [ -c /dev/console ] && console=/dev/console
        """

    /// Ends the script when it has run since the machine's first process began: the daemon may have been started anew.
    private static func onceAfterStart(_ name: String) -> String {
        """
        start="$($B cat /proc/sys/kernel/random/boot_id) $($B sed 's/.*) //' /proc/1/stat | $B cut -d' ' -f20)"
        mark=/.brume-run/\(name).start
        [ "$($B cat $mark 2>/dev/null)" = "$start" ] && exit 0
        echo "$start" > $mark
        """
    }

    private static func shell(_ script: String) -> ExecSpec {
        ExecSpec([GuestTools.path + "/bin/sh", "-c", script], user: "0")
    }
}
