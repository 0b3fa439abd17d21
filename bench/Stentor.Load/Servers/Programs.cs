using System.Diagnostics;

namespace Stentor.Load.Servers;

/// <summary>Where the peers' programs are, and their versions.</summary>
internal static class Programs
{
    public const string Nats = "nats-server";
    public const string Redis = "redis-server";

    /// <summary>Whether a program can be started by its name.</summary>
    public static bool IsInstalled(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(directory => directory.Length > 0 && File.Exists(Path.Combine(directory, program)));

    /// <summary>The first line of what a program prints, or null when it cannot be run.</summary>
    public static string? FirstLineOf(string program, params string[] arguments)
    {
        if (!IsInstalled(program))
        {
            return null;
        }

        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false })!; // A path was found, so it starts or throws.
        var line = process.StandardOutput.ReadLine();
        process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? line?.Trim() : null;
    }
}
