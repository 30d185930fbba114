// Calls the Main of a test's program, and ends the process without mono's shutdown. After an HttpClient, mono 6.12 often waits
// there for an idle thread of its pool, 5 to 60 s.
using System;
using System.Linq;
using System.Reflection;
using System.Runtime.InteropServices;

internal static class Exit
{
    private static void Main(string[] arguments)
    {
        var main = typeof(Exit).Assembly.GetTypes()
            .Where(type => type != typeof(Exit))
            .Select(type => type.GetMethod("Main", BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic))
            .Single(method => method != null);
        End(main.Invoke(null, main.GetParameters().Length == 0 ? null : new object[] { arguments }) as int? ?? 0);
    }

    [DllImport("libc", EntryPoint = "_exit")]
    private static extern void End(int status);
}
