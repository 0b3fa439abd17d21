using System.Reflection;
using System.Runtime.InteropServices;

namespace Stentor.Cli.Lab.Output;

/// <summary>Where something was measured.</summary>
internal static class LabMachine
{
    /// <summary>The machine: processor, cores, system.</summary>
    public static string Machine => $"{Processor()}, {Environment.ProcessorCount} {(Environment.ProcessorCount == 1 ? "core" : "cores")}, {RuntimeInformation.OSDescription}";

    /// <summary>The program's version and what it runs on.</summary>
    public static string Version =>
        $"stentor {typeof(LabMachine).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion}, {RuntimeInformation.FrameworkDescription}";

    private static string Processor()
    {
        const string Info = "/proc/cpuinfo"; // Linux; elsewhere its architecture must do.
        var model = File.Exists(Info) ? File.ReadLines(Info).FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal)) : null;
        return model?.Split(':', 2)[^1].Trim() ?? $"{RuntimeInformation.OSArchitecture}";
    }
}
