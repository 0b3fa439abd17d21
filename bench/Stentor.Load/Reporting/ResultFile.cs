using System.Runtime.InteropServices;
using System.Text.Json;
using Stentor.Load.Servers;

namespace Stentor.Load.Reporting;

/// <summary>Results with all that is needed to judge them: machine, versions, commit, date.</summary>
internal static class ResultFile
{
    private static readonly JsonSerializerOptions Options = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.CamelCase };

    /// <summary>Writes the file.</summary>
    public static void Write(string path, IReadOnlyList<CaseResult> results, Settings settings) => File.WriteAllText(path, JsonSerializer.Serialize(
        new
        {
            Date = DateTime.UtcNow.ToString("yyyy-MM-ddTHH:mm:ssZ"),
            Commit = Git("rev-parse", "HEAD"),
            HasChanges = Git("status", "--porcelain", "--untracked-files=no") is not null,
            Machine = Machine(),
            Versions = Versions(settings),
            Settings = new { settings.Seconds, settings.WarmUpSeconds, settings.LatencyWarmUpSeconds, settings.Runs },
            Cases = results.Select(r => new
            {
                r.Case.Row,
                r.Case.Title,
                r.Case.Unit,
                Contenders = r.Contenders.Select(c => new
                {
                    Name = c.Contender,
                    c.Median,
                    Runs = c.Samples.Select(s => s.Value),
                    Details = c.Details.ToDictionary(d => d.Name, d => d.Value),
                    c.Failures,
                }),
                Goals = r.Case.Goals.Select(g => new { g.Against, Reached = r.Reached(g), g.Must, g.Aim, Verdict = r.Verdict(g) }),
            }),
        },
        Options) + "\n");

    private static object Machine() => new
    {
        Processor = FieldOf("/proc/cpuinfo", "model name"),
        Cores = Environment.ProcessorCount,
        Memory = FieldOf("/proc/meminfo", "MemTotal"),
        System = RuntimeInformation.OSDescription,
        Kernel = File.ReadAllText("/proc/sys/kernel/osrelease").Trim(),
    };

    private static Dictionary<string, string?> Versions(Settings settings) => new()
    {
        ["stentor"] = File.Exists(settings.ServerBinary) ? System.Diagnostics.FileVersionInfo.GetVersionInfo(settings.ServerBinary).ProductVersion : null,
        ["dotnet"] = Environment.Version.ToString(),
        [Programs.Nats] = Programs.FirstLineOf(Programs.Nats, "--version"),
        [Programs.Redis] = Programs.FirstLineOf(Programs.Redis, "--version"),
        [Programs.Mosquitto] = Programs.FirstLineOf(Programs.Mosquitto, "-h"),
    };

    private static string? FieldOf(string file, string name) =>
        File.ReadLines(file).FirstOrDefault(l => l.StartsWith(name, StringComparison.Ordinal))?.Split(':', 2)[1].Trim();

    private static string? Git(params string[] arguments) => Programs.FirstLineOf("git", ["-C", Settings.Repository(), .. arguments]);
}
