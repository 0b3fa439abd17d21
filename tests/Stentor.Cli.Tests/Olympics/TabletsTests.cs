using System.Net;
using System.Threading.Channels;
using Stentor.Cli.Olympics;
using Stentor.Gateways;

namespace Stentor.Cli.Tests.Olympics;

/// <summary><c>stentor olympics tablets</c> from its command line to its logs.</summary>
public sealed class TabletsTests : IDisposable
{
    private readonly LogDirectory _directory = new();

    [Fact(Timeout = 60_000)]
    public async Task Tablets_ask_and_are_called_and_each_has_its_logs()
    {
        using var end = new CancellationTokenSource();
        var registered = Channel.CreateUnbounded<XmlRpcCall>();
        await using var server = await StandInServer.StartAsync(call =>
        {
            _ = call.Method == "register_client" && registered.Writer.TryWrite(call);
            return call.Method == "get_score" ? new XmlRpcValue.Text("Gaul leads by 1") : new XmlRpcValue.Truth(true);
        });
        var run = new CommandRun { Directory = _directory.Path, Stop = end.Token };
        var running = run.RunAsync("olympics", "tablets", "--pull", "1", "--push", "2", "--mode", "testing", "--rate", "0.02", "--server", server.Address, "--first-port", "17002", "--logs", "logs");

        var ports = new List<int>();
        for (var i = 0; i < 2; i++)
        {
            var call = await registered.Reader.ReadAsync(TestContext.Current.CancellationToken);
            Assert.Equal("""["Stone Curling"] ["Gaul"]""", $"{ShownValue.Of(call.Arguments[1])} {ShownValue.Of(call.Arguments[2])}");
            var client = Assert.IsType<XmlRpcValue.List>(call.Arguments[0]).Items;
            Assert.Equal(new XmlRpcValue.Text("localhost"), client[0]);
            ports.Add((int)Assert.IsType<XmlRpcValue.Whole>(client[1]).Value);
        }

        foreach (var port in ports)
        {
            using var tablet = new XmlRpcClient(new Uri($"http://localhost:{port}/RPC2"), TimeSpan.FromSeconds(30));
            await Assert.ThrowsAsync<XmlRpcFaultException>(() => tablet.CallAsync("print_score_for_event", [new XmlRpcValue.Text("Gaul leads by 1")], TestContext.Current.CancellationToken));
            var now = (DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch).TotalSeconds;
            Assert.Equal(new XmlRpcValue.Truth(true), await tablet.CallAsync("print_score_for_event", [new XmlRpcValue.Text("Gaul leads by 1"), new XmlRpcValue.Real(now)], TestContext.Current.CancellationToken));
        }

        var asking = ports.Min() - 1;
        await UntilAsync(() => File.ReadAllText(Path.Combine(_directory.Path, "logs", "client_logs", $"{asking}.txt")).Contains("pull score", StringComparison.Ordinal));
        await end.CancelAsync();

        Assert.True(await running == 0, run.Error);
        foreach (var port in ports)
        {
            Assert.Equal(["push wants teams Gaul; events Stone Curling", "push score: Gaul leads by 1"], _directory.Untimed("logs", "client_logs", $"{port}.txt"));
            Assert.InRange(double.Parse(Assert.Single(_directory.Lines("logs", "latencies", $"{port}.txt"))), 0, 10);
        }

        Assert.Equal(["pull wants teams Gaul; events Stone Curling", "pull tally Gaul: true", "pull score Stone Curling: Gaul leads by 1"], _directory.Untimed("logs", "client_logs", $"{asking}.txt").Take(3));
        Assert.Contains(run.Lines, line => line == $"{ports[0]} push score: Gaul leads by 1");
        Assert.Contains("2 were pushed.", run.Error, StringComparison.Ordinal);
    }

    [Fact(Timeout = 60_000)]
    public async Task Whatever_is_sent_to_a_tablet_is_answered_with_a_fault_and_the_next_call_is_taken()
    {
        using var end = new CancellationTokenSource();
        var registered = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var server = await StandInServer.StartAsync(call =>
        {
            registered.TrySetResult((int)((XmlRpcValue.Whole)((XmlRpcValue.List)call.Arguments[0]).Items[1]).Value);
            return new XmlRpcValue.Truth(true);
        });
        var run = new CommandRun { Directory = _directory.Path, Stop = end.Token };
        var running = run.RunAsync("olympics", "tablets", "--pull", "0", "--push", "1", "--server", server.Address, "--first-port", "17002");
        var port = await registered.Task.WaitAsync(TestContext.Current.CancellationToken);
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}") };

        foreach (var body in (string[])["", "hello", "<methodCall>", new string('x', 1_000_000), "<!DOCTYPE a [<!ENTITY b \"c\">]><methodCall><methodName>&b;</methodName></methodCall>"])
        {
            using var answer = await http.PostAsync("/RPC2", new StringContent(body), TestContext.Current.CancellationToken);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            Assert.Contains("<fault>", await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        }

        Assert.Equal(HttpStatusCode.MethodNotAllowed, (await http.GetAsync("/", TestContext.Current.CancellationToken)).StatusCode);
        using var tablet = new XmlRpcClient(http.BaseAddress, TimeSpan.FromSeconds(30));
        Assert.Equal(new XmlRpcValue.Truth(true), await tablet.CallAsync("print_score_for_event", [new XmlRpcValue.Whole(3), new XmlRpcValue.Whole(0)], TestContext.Current.CancellationToken));
        await end.CancelAsync();
        Assert.True(await running == 0, run.Error);
        Assert.Contains($"{port} push score: 3", run.Out, StringComparison.Ordinal);
    }

    [Fact(Timeout = 60_000)]
    public async Task Tablets_end_after_the_seconds_that_they_are_given_though_the_server_is_away()
    {
        var run = new CommandRun { Directory = _directory.Path };

        var exitCode = await run.RunAsync("olympics", "tablets", "--pull", "2", "--push", "2", "--rate", "0.01", "--seconds", "0.1", "--server", StandInServer.DeadAddress, "--first-port", "17002");

        Assert.True(exitCode == 0, run.Error);
        Assert.Equal(1, run.Error.Split("the tablets go on trying").Length - 1);
        Assert.Equal(4, Directory.GetFiles(Path.Combine(_directory.Path, "client_logs")).Length);
        Assert.Equal(4, Directory.GetFiles(Path.Combine(_directory.Path, "latencies")).Length);
    }

    public void Dispose() => _directory.Dispose();

    /// <summary>A log is written by others; it has no signal but its text.</summary>
    private static async Task UntilAsync(Func<bool> isSo)
    {
        while (!isSo())
        {
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }
}
