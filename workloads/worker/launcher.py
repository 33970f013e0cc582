"""Starts one uploaded script under limits, tells how it ended, and leaves none of its processes behind.

    python3 -I -S -B launcher.py MEMORY_BYTES CPU_SECONDS PROCESSES FILE_BYTES PROGRAM [ARGUMENT ...]

Descriptor 3 is a socket to the worker. The launcher writes `started PID`, then `ended RETURNCODE` or `failed REASON`, a
line each. When the worker closes its side (a time limit, a client that left, a worker that died) everything is killed.
It runs as process 1 of a new PID namespace, or else as the subreaper of the script's processes: either way whatever
they start, in whatever session, stays below it and can be found.
"""

import ctypes
import os
import resource
import select
import signal
import sys
import time

CONTROL = 3
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
CAP_DAC_OVERRIDE = 1
LAST_CAPABILITY = 63
# How long killed processes may take to vanish; one that waits on a broken disk never does.
KILL_SECONDS = 5


def main(arguments):
    memory, cpu, processes, file_size = (int(text) for text in arguments[:4])
    os.set_inheritable(CONTROL, False)
    libc = ctypes.CDLL(None, use_errno=True)
    for option in (PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS):
        if libc.prctl(option, 1, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), f"prctl({option}) failed")
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_read, False)
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)

    limits = (
        (resource.RLIMIT_AS, memory, memory),
        # The soft limit sends SIGXCPU, the hard one SIGKILL to what ignores it.
        (resource.RLIMIT_CPU, cpu, cpu + 1),
        (resource.RLIMIT_NPROC, processes, processes),
        (resource.RLIMIT_FSIZE, file_size, file_size),
        (resource.RLIMIT_CORE, 0, 0),
    )
    script = start(libc, limits, arguments[4:])
    tell(f"started {script}")
    status = wait_for(script, wake_read)
    if not end_all():
        tell("failed some of the script's processes could not be killed")
    elif status is not None:
        tell(f"ended {os.waitstatus_to_exitcode(status)}")


def start(libc, limits, command):
    """Forks and executes the command in a session of its own; its pid, or OSError when it could not be executed."""
    fault_read, fault_write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setsid()
            signal.set_wakeup_fd(-1)
            # Python ignores these two, and what is ignored stays so in every program that is executed.
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            prefer_for_the_oom_killer()
            give_up_roots_rights(libc)
            for limit, soft, hard in limits:
                set_limit(limit, soft, hard)
            os.execv(command[0], command)
        except BaseException as error:
            os.write(fault_write, str(error).encode()[:500])
        finally:
            os._exit(127)
    os.close(fault_write)
    # Ends at exec, which closes the other end, or with the reason.
    fault = os.read(fault_read, 500)
    if fault:
        raise OSError(fault.decode(errors="replace"))
    os.close(fault_read)
    return pid


def set_limit(limit, soft, hard):
    _, ceiling = resource.getrlimit(limit)
    if ceiling != resource.RLIM_INFINITY:
        soft, hard = min(soft, ceiling), min(hard, ceiling)
    resource.setrlimit(limit, (soft, hard))


def give_up_roots_rights(libc):
    """Leaves a script of root without capabilities, but for the one to reach a Python in somebody else's home: with
    them it would unmount the fresh /proc and read the worker's environment in the one below.

    The bounding set is what execve(2) gives to root. Who is not root has nothing in it to lose, and may not ask.
    """
    for capability in range(LAST_CAPABILITY + 1):
        if capability != CAP_DAC_OVERRIDE:
            libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


def prefer_for_the_oom_killer():
    """When the container's memory runs out the kernel shall take the script and not the worker."""
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")
    except OSError:
        pass


def wait_for(script, wake_read):
    """The script's wait status, or None when the worker closed its side first. Reaps orphans meanwhile."""
    poll = select.poll()
    poll.register(CONTROL, select.POLLIN)
    poll.register(wake_read, select.POLLIN)
    while True:
        ready = [descriptor for descriptor, _ in poll.poll()]
        if wake_read in ready:
            os.read(wake_read, 4096)
            ended = reap()
            if script in ended:
                return ended[script]
        if CONTROL in ready:
            return None


def reap():
    """Wait statuses of all children that have ended, by pid."""
    ended = {}
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if pid == 0:
            return ended
        ended[pid] = status


def end_all():
    """Kills whatever is left below this process; False when some of it would not go."""
    deadline = time.monotonic() + KILL_SECONDS
    while has_children():
        if time.monotonic() > deadline:
            return False
        if os.getpid() == 1:
            kill(-1)
        else:
            for pid in descendants(os.getpid()):
                kill(pid)
        reap()
        time.sleep(0.001)
    return True


def has_children():
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        return True
    except ChildProcessError:
        return False


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def descendants(root):
    children = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                # The command's name stands in brackets and may hold anything, brackets too.
                parent = int(file.read().rpartition(b")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(name))
    found, next_up = [], [root]
    while next_up:
        below = children.get(next_up.pop(), [])
        found += below
        next_up += below
    return found


def tell(line):
    try:
        os.write(CONTROL, f"{line}\n".encode())
    except OSError:
        # The worker has gone; there is nobody left to tell.
        pass


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except OSError as error:
        tell(f"failed {error}")
        sys.exit(1)
