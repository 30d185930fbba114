"""Runs a command in a pseudo-terminal. Stdin: JSON {"argv": [...], "steps": [[text to wait for, text to type], ...]}.
Stdout: JSON {"status": exit status, "output": all that the terminal showed}."""
import json, os, pty, select, sys, time

task = json.load(sys.stdin)
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(task["argv"][0], task["argv"])
output, seen, steps, deadline = "", 0, task["steps"], time.monotonic() + 15
while time.monotonic() < deadline:
    if select.select([terminal], [], [], 0.1)[0]:
        try:
            chunk = os.read(terminal, 65536)
        except OSError:
            break
        if not chunk:
            break
        output += chunk.decode(errors="replace")
    if steps and steps[0][0] in output[seen:]:
        seen = len(output)
        os.write(terminal, steps.pop(0)[1].encode())
else:
    os.kill(pid, 9)
_, status = os.waitpid(pid, 0)
print(json.dumps({"status": os.waitstatus_to_exitcode(status), "output": output}))
