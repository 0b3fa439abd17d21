using System.Diagnostics;

namespace Stentor.Load.Servers;

/// <summary>Where the peers' programs are, and their versions.</summary>
internal static class Programs
{
    public const string Nats = "nats-server";
    public const string Redis = "redis-server";
    public const string Mosquitto = "mosquitto";
    public const string Python = "python3";

    /// <summary>The path of a program; null when it is not installed.</summary>
    public static string? Find(string program) =>
        // Debian puts servers where the path of an ordinary user does not lead.
        $"{Environment.GetEnvironmentVariable("PATH")}:/usr/sbin".Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Select(directory => Path.Combine(directory, program)).FirstOrDefault(File.Exists);

    /// <summary>The first line of what a program prints, or null when it cannot be run.</summary>
    public static string? FirstLineOf(string program, params string[] arguments)
    {
        if (Find(program) is not { } path)
        {
            return null;
        }

        using var process = Process.Start(new ProcessStartInfo(path, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false })!; // A path was found, so it starts or throws.
        var line = process.StandardOutput.ReadLine();
        process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return line?.Trim();
    }
}
