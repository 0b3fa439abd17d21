using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using Stentor.Cli.Lab;
using Stentor.Cli.Lab.Readers;
using Stentor.Client;
using Stentor.Gateways;

namespace Stentor.Cli.Tests.Lab;

/// <summary>The clients of the lab, at a real node.</summary>
public sealed class CrowdTests : IAsyncLifetime
{
    private const string Channel = "scores.stone-curling";
    private const string Secret = "correct-horse";

    private Server? _server;

    private Uri Node => new(_server!.Listeners[0].Address); // Set before any test runs.

    public async ValueTask InitializeAsync() => _server = await Server.StartAsync(
        new ServerOptions { Listen = ["http://127.0.0.1:0"], Ephemeral = true, RateLimits = RateLimits.Off, XmlRpc = new XmlRpcOptions { WriterSecret = Secret } },
        NullLoggerFactory.Instance,
        TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync() => await _server!.DisposeAsync(); // As above.

    [Theory]
    [InlineData(nameof(Arch.Push), nameof(Transport.XmlRpc))]
    [InlineData(nameof(Arch.Pull), nameof(Transport.XmlRpc))]
    [InlineData(nameof(Arch.Mixed), nameof(Transport.XmlRpc))]
    [InlineData(nameof(Arch.Push), nameof(Transport.WebSocket))]
    [InlineData(nameof(Arch.Push), nameof(Transport.Sse))]
    [InlineData(nameof(Arch.Push), nameof(Transport.Http))]
    [InlineData(nameof(Arch.Pull), nameof(Transport.Http))]
    [InlineData(nameof(Arch.Mixed), nameof(Transport.Http))]
    public async Task All_clients_show_what_is_written_and_count_what_it_costs(string arch, string transport)
    {
        await using var client = new StentorClient(new StentorClientOptions { Addresses = [Node], Username = XmlRpcOptions.Writer, Secret = Secret });
        await client.PublishAsync(ScoreWriter.Score(Channel, 0), TestContext.Current.CancellationToken);
        await using var crowd = new Crowd(new CrowdOrder(Node, Enum.Parse<Arch>(arch), Enum.Parse<Transport>(transport), Clients: 3, PollSeconds: 0.02));
        await crowd.StandAsync(TestContext.Current.CancellationToken);
        var before = crowd.Count();

        var writes = await new ScoreWriter(client, Channel, perSecond: 100).WriteAsync(5, TestContext.Current.CancellationToken);
        await crowd.WaitUntilShownAsync(5, TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);

        var shown = crowd.Shown().ToList();
        Assert.Equal(3, shown.Count);
        Assert.All(shown, one => Assert.Equal(5, one.Numbers[^1]));
        var joined = shown.Select(one => Joining.Join(writes, one.Moments, Stopwatch.Frequency)).ToList();
        Assert.All(joined, one => Assert.Equal((5, 0), (one.Samples.Count, one.Missed)));
        Assert.All(joined.SelectMany(one => one.Samples), sample => Assert.True(sample.Milliseconds > 0, $"{sample}"));
        Assert.False(crowd.Running.IsCompleted);
        var after = crowd.Count();
        Assert.Equal(arch != nameof(Arch.Pull), (after.Push - before.Push).BytesIn > 0);
        Assert.Equal(arch != nameof(Arch.Push), (after.Pull - before.Pull).BytesIn > 0);
    }

    [Fact]
    public async Task A_node_that_is_not_there_is_named()
    {
        await using var crowd = new Crowd(new CrowdOrder(new Uri("http://127.0.0.1:1"), Arch.Push, Transport.WebSocket, Clients: 1, PollSeconds: 1));

        var error = await Assert.ThrowsAsync<LabException>(() => crowd.StandAsync(TestContext.Current.CancellationToken));

        Assert.Contains("http://127.0.0.1:1/ does not open a WebSocket", error.Message, StringComparison.Ordinal);
    }
}
