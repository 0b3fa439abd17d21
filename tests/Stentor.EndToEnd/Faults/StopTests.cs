using System.Net.WebSockets;
using Stentor.EndToEnd.Frames;
using Stentor.EndToEnd.Processes;

namespace Stentor.EndToEnd.Faults;

/// <summary>How a node ends, and who may start another one in its place.</summary>
public sealed class StopTests
{
    [Fact(Timeout = 60_000)]
    public async Task A_node_that_is_asked_to_end_tells_its_clients_to_reconnect_and_ends_within_10_seconds()
    {
        using var directory = new TempDirectory();
        await using var node = await NodeProcess.StartAsync(directory.Path, "--rate-limits", "off");
        await node.RegisterAsync();
        using var socket = new ClientWebSocket();
        await socket.ConnectAsync(new UriBuilder(node.Http) { Scheme = "ws", Path = "/v1/socket" }.Uri, TestContext.Current.CancellationToken);
        await using var reader = await FrameConnection.ConnectAsync(node.Tcp);
        await reader.SubscribeAsync("now", "chat.>");
        var closing = CloseCodeAsync(socket);

        var (exitCode, took) = await node.StopAsync();

        Assert.Equal(0, exitCode);
        Assert.InRange(took, TimeSpan.Zero, TimeSpan.FromSeconds(10));
        Assert.Equal(3001, await closing);
        Assert.False(await reader.ReadRawAsync(_ => true));
    }

    [Fact(Timeout = 60_000)]
    public async Task What_was_accepted_before_the_stop_is_there_after_the_next_start()
    {
        using var directory = new TempDirectory();
        await using var fire = new NodeUnderFire(directory.Path, "--rate-limits", "off");
        var node = await fire.StartAsync();
        await node.RegisterAsync();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var publisher = new LoadPublisher(1, window: 200);
        var publishing = Task.Run(() => publisher.RunAsync(fire, stop.Token));
        await using (var reader = await FrameConnection.ConnectAsync(node.Tcp))
        {
            await reader.SubscribeAsync("start", publisher.Channel);
            var shown = 0;
            await reader.ReadRawAsync(_ => ++shown < 2_000);
        }

        var (exitCode, _) = await node.StopAsync();
        await fire.KillAsync();
        await fire.StartAsync();
        await stop.CancelAsync();
        await publishing;
        var held = new ResumingReader();
        await held.RunAsync(fire, Task.FromResult(publisher.Acknowledged.Values.Max()));

        Assert.Equal(0, exitCode);
        Assert.True(publisher.Connections > 1, "The publisher never had to reconnect: the stop did not come between.");
        Assert.Equal(publisher.Acknowledged.Values.Order(), held.Shown);
    }

    [Fact(Timeout = 60_000)]
    public async Task A_second_node_on_the_same_data_refuses_to_start_and_names_the_first()
    {
        using var directory = new TempDirectory();
        await using var node = await NodeProcess.StartAsync(directory.Path);

        var second = await CommandProcess.RunAsync(directory.Path, input: null, "serve", "--listen", "http://127.0.0.1:0", "--data", directory["data"]);

        Assert.Equal(1, second.ExitCode);
        Assert.Contains(node.Id.ToString(System.Globalization.CultureInfo.InvariantCulture), second.Error, StringComparison.Ordinal);
        Assert.Equal(200, (await node.AskAsync(HttpMethod.Get, "healthz/ready")).Status);
    }

    private static async Task<int> CloseCodeAsync(ClientWebSocket socket)
    {
        var buffer = new byte[4096];
        while ((await socket.ReceiveAsync(buffer, TestContext.Current.CancellationToken)).MessageType != WebSocketMessageType.Close)
        {
        }

        return (int)socket.CloseStatus!.Value;
    }
}
