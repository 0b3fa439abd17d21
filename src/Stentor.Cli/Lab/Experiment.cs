using System.Diagnostics;
using System.Security.Cryptography;
using Stentor.Cli.Demos;
using Stentor.Cli.Lab.Readers;
using Stentor.Client;
using Stentor.Gateways;

namespace Stentor.Cli.Lab;

/// <summary>What one combination brought: rows, and the latencies that they are made of.</summary>
/// <param name="Rows">A row for each kind of client.</param>
/// <param name="Samples">The latencies, each with its row's arch and the client's number.</param>
internal sealed record Measurement(IReadOnlyList<LatencyRow> Rows, IReadOnlyList<(string Arch, int Client, Sample Sample)> Samples)
{
    /// <summary>How many cores processes that are not the lab's used meanwhile; 0 where the system does not tell.</summary>
    public double OtherCores => Rows.Max(row => row.OtherCores) ?? 0;
}

/// <summary>
/// Measures one combination, with a node and readers of its own: what one leaves behind, tablets that are called though they are gone, must not disturb the next.
/// </summary>
/// <param name="options">How it is measured.</param>
/// <param name="directory">A directory without settings.</param>
internal sealed class Experiment(LatencyOptions options, string directory)
{
    /// <summary>
    /// How many cores other processes may use while it is measured. A machine that is left alone uses a few hundredths by itself; from a tenth on, writes and displays
    /// wait for others now and then.
    /// </summary>
    public const double OtherCoresMax = 0.1;

    private const string Region = "lab";

    // The same for all: what a transport costs while nobody uses it is part of every figure.
    private static readonly string[] NodeOptions = ["--xml-rpc", "--rate-limits", "off"];

    // How long a node takes to start, and a publish its outcome, on a machine that is busy beyond use.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    // Readers lose their connections when the node ends, and may be seen to end first.
    private static readonly TimeSpan CauseWait = TimeSpan.FromSeconds(1);

    private static readonly string Channel = ScoreboardNames.Of(new XmlRpcOptions().Events, isTeam: false).All[0].Channel;

    /// <summary>How long one takes besides warming up and measuring: processes start, connect and stop.</summary>
    public static TimeSpan Overhead { get; } = TimeSpan.FromSeconds(3);

    /// <summary>Measures it; again while the machine is busy with other things, as often as the options allow.</summary>
    /// <param name="combination">What.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="LabException">A process ended, or a client was refused.</exception>
    /// <exception cref="DemoException">The node did not start.</exception>
    /// <exception cref="StentorException">A write was refused.</exception>
    /// <returns>The least disturbed measurement.</returns>
    public Task<Measurement> RunAsync(Combination combination, CancellationToken cancellationToken) =>
        LeastDisturbedAsync(() => RunOnceAsync(combination, cancellationToken), options.Tries);

    /// <summary>Measures until it is not disturbed.</summary>
    /// <param name="measure">Measures once.</param>
    /// <param name="tries">How often at most.</param>
    /// <returns>The least disturbed measurement.</returns>
    internal static async Task<Measurement> LeastDisturbedAsync(Func<Task<Measurement>> measure, int tries)
    {
        var best = await measure();
        for (var tried = 1; tried < tries && best.OtherCores > OtherCoresMax; tried++)
        {
            var next = await measure();
            best = next.OtherCores < best.OtherCores ? next : best;
        }

        return best;
    }

    private async Task<Measurement> RunOnceAsync(Combination combination, CancellationToken cancellationToken)
    {
        await using var node = DemoNode.Start(directory, Region, port: 0, data: null, NodeOptions);
        await node.WaitUntilListeningAsync(Patience, cancellationToken);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var measuring = MeasureAsync(combination, node, end.Token);
        if (await Task.WhenAny(measuring, node.Ended) != measuring)
        {
            await end.CancelAsync();
            await ((Task)measuring).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // The node's end is the cause.
            throw NodeEnded(combination, node);
        }

        try
        {
            return await measuring;
        }
        catch (LabException e)
        {
            await Task.WhenAny(node.Ended, Task.Delay(CauseWait, cancellationToken));
            throw node.Ended.IsCompleted ? NodeEnded(combination, node) : new LabException($"{combination}: {e.Message}", e);
        }
    }

    private static LabException NodeEnded(Combination combination, DemoNode node) =>
        new($"{combination}: the node ended while it was measured. {string.Join('\n', node.Messages)}".TrimEnd());

    private async Task<Measurement> MeasureAsync(Combination combination, DemoNode node, CancellationToken cancellationToken)
    {
        await using var client = await LogInAsync(node.Address, cancellationToken);
        await client.PublishAsync(ScoreWriter.Score(Channel, 0), cancellationToken); // Who reads finds the channel there.
        var order = new CrowdOrder(node.Address, combination.Arch, combination.Transport, combination.Clients, options.PollSeconds);
        await using var readers = await ReadersProcess.StartAsync(directory, order, cancellationToken);

        var writer = new ScoreWriter(client, Channel, options.WritesPerSecond);
        await writer.WriteAsync(options.WarmUpSeconds * options.WritesPerSecond, cancellationToken);
        using var nodeProcess = Process.GetProcessById(node.ProcessId);
        using var ownProcess = Process.GetCurrentProcess();
        var (countBefore, loadBefore) = (await readers.CountAsync(cancellationToken), MachineLoad.Now(nodeProcess, ownProcess, readers.Process));
        var writes = await writer.WriteAsync(options.Writes, cancellationToken);
        var (countAfter, loadAfter) = (await readers.CountAsync(cancellationToken), MachineLoad.Now(nodeProcess, ownProcess, readers.Process));
        var shown = await readers.FinishAsync(writer.Last, combination.Clients, cancellationToken);

        var seconds = (double)(countAfter.Ticks - countBefore.Ticks) / Stopwatch.Frequency;
        return Results.Of(
            combination, writes, shown, countAfter.Push - countBefore.Push, countAfter.Pull - countBefore.Pull, seconds, loadAfter.NodeCores(loadBefore, seconds), loadAfter.OtherCores(loadBefore, seconds));
    }

    /// <summary>Makes the writer's account, and a client that writes as it.</summary>
    private static async Task<StentorClient> LogInAsync(Uri node, CancellationToken cancellationToken)
    {
        var secret = RandomNumberGenerator.GetHexString(32);
        var anonymous = new StentorClientOptions { Addresses = [node], ClientName = "stentor-lab", RequestDeadline = Patience, PublishDeadline = Patience };
        await using (var client = new StentorClient(anonymous))
        {
            await client.RegisterAsync(XmlRpcOptions.Writer, secret, cancellationToken);
        }

        return new StentorClient(anonymous with { Username = XmlRpcOptions.Writer, Secret = secret });
    }
}
