using System.Diagnostics;
using System.Globalization;

namespace Stentor.Cli.Lab;

/// <summary>How much processor time the machine has spent until a moment, and how much of that was the lab's. Latencies of a machine that is busy with other things are theirs.</summary>
/// <param name="Machine">What all processes used together, since the machine started; null where the system does not tell.</param>
/// <param name="Node">What the node used.</param>
/// <param name="Lab">What all processes of the lab used, the node's among them.</param>
internal readonly record struct MachineLoad(TimeSpan? Machine, TimeSpan Node, TimeSpan Lab)
{
    // The unit of /proc/stat, USER_HZ, is 100 a second on every architecture that .NET runs on (proc(5)).
    private const int TicksPerSecond = 100;

    /// <summary>The load until now.</summary>
    /// <param name="node">The node.</param>
    /// <param name="others">The lab's other processes.</param>
    public static MachineLoad Now(Process node, params ReadOnlySpan<Process> others)
    {
        node.Refresh();
        var (ofNode, ofLab) = (node.TotalProcessorTime, TimeSpan.Zero);
        foreach (var process in others)
        {
            process.Refresh();
            ofLab += process.TotalProcessorTime;
        }

        const string Statistics = "/proc/stat"; // Linux alone has it.
        return new MachineLoad(File.Exists(Statistics) ? Read(File.ReadLines(Statistics).First()) : null, ofNode, ofNode + ofLab);
    }

    /// <summary>Reads the first line of <c>/proc/stat</c>.</summary>
    /// <param name="line">The line.</param>
    /// <returns>What was used; null when the line is another.</returns>
    public static TimeSpan? Read(string line)
    {
        // cpu, user, nice, system, idle, iowait, irq, softirq, and what other machines took or were given.
        var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return words is ["cpu", var user, var nice, var system, _, _, var irq, var softirq, ..]
            ? TimeSpan.FromSeconds(new[] { user, nice, system, irq, softirq }.Sum(word => double.Parse(word, CultureInfo.InvariantCulture)) / TicksPerSecond)
            : null;
    }

    /// <summary>How many cores the node used on average since an earlier moment.</summary>
    /// <param name="earlier">The earlier load.</param>
    /// <param name="seconds">How long ago that was.</param>
    public double NodeCores(MachineLoad earlier, double seconds) => (Node - earlier.Node).TotalSeconds / seconds;

    /// <summary>How many cores processes that are not the lab's used on average since an earlier moment; null where the system does not tell.</summary>
    /// <param name="earlier">The earlier load.</param>
    /// <param name="seconds">How long ago that was.</param>
    public double? OtherCores(MachineLoad earlier, double seconds) =>
        Machine is { } now && earlier.Machine is { } before ? Math.Max(0, (now - before - (Lab - earlier.Lab)).TotalSeconds / seconds) : null;
}
