using System.Collections.Concurrent;

namespace Stentor.Gateways.Tests.ActivityStreamer;

/// <summary>Many names at once, at every node of a cluster, some of them asked for by two people in two places at the same time.</summary>
public sealed class RegistrationFloodTests(ITestOutputHelper output)
{
    private const int Nodes = 3;
    private const int Connections = 50;

    // One name in five is asked for twice.
    private const int TwiceEvery = 5;

    // A registration that the cluster had no time to decide may be sent again; more often than this something else is wrong.
    private const int TriesMax = 20;

    // 1,000 names take some 3 s on two cores, the 10,000 that a release is judged by 50 s.
    [Fact]
    public Task Of_all_who_flood_three_nodes_with_names_each_name_has_one_owner() => FloodAsync(names: 1_000, owners: 300);

    [Fact(Explicit = true)]
    public Task Of_all_who_flood_three_nodes_with_ten_thousand_names_each_name_has_one_owner() => FloodAsync(names: 10_000, owners: 10_000);

    private async Task FloodAsync(int names, int owners)
    {
        await using var cluster = await StreamerCluster.StartAsync(Nodes);
        var queues = Enumerable.Range(0, Nodes).Select(_ => new ConcurrentQueue<Wish>()).ToArray();
        for (var i = 0; i < names; i++)
        {
            queues[i % Nodes].Enqueue(new Wish($"name{i}", $"first-{i}"));
            if (i % TwiceEvery == 0)
            {
                queues[(i + 1) % Nodes].Enqueue(new Wish($"name{i}", $"second-{i}"));
            }
        }

        var answers = new ConcurrentBag<(Wish Wish, bool IsOwner)>();
        var start = TimeProvider.System.GetTimestamp();
        var again = await Task.WhenAll(Enumerable.Range(0, Connections).Select(c => Task.Run(() => RegisterAsync(cluster[1 + (c % Nodes)], queues[c % Nodes], answers))));
        output.WriteLine($"{answers.Count} registrations of {names} names: {TimeProvider.System.GetElapsedTime(start).TotalSeconds:0.0} s; {again.Sum()} sent again");

        var winners = answers.Where(a => a.IsOwner).Select(a => a.Wish).ToDictionary(w => w.Name, w => w.Secret, StringComparer.Ordinal); // Throws when a name has two.
        Assert.Equal(names, winners.Count);
        Assert.Equal(names + (names / TwiceEvery), answers.Count);
        output.WriteLine($"the second got {winners.Values.Count(s => s.StartsWith("second", StringComparison.Ordinal))} of {names / TwiceEvery}");

        await cluster.SettleAsync();
        start = TimeProvider.System.GetTimestamp();
        var logins = answers.OrderBy(a => a.Wish.Name, StringComparer.Ordinal).Take(owners * answers.Count / names).ToList();
        await Parallel.ForEachAsync(
            logins.SelectMany(a => cluster.Nodes, (a, node) => (a.Wish, a.IsOwner, node)),
            new ParallelOptions { MaxDegreeOfParallelism = Connections },
            async (login, _) => Assert.Equal(login.IsOwner ? "LOGIN_SUCCESS" : "LOGIN_FAILED", await LoginAsync(login.node, login.Wish)));
        output.WriteLine($"{logins.Count} logins at {Nodes} nodes: {TimeProvider.System.GetElapsedTime(start).TotalSeconds:0.0} s");
    }

    /// <summary>One client after the other registers a name, on one connection as long as it lasts.</summary>
    /// <returns>How many had to be sent again.</returns>
    private static async Task<int> RegisterAsync(TestServer node, ConcurrentQueue<Wish> queue, ConcurrentBag<(Wish Wish, bool IsOwner)> answers)
    {
        var again = 0;
        StreamerClient? client = null;
        while (queue.TryDequeue(out var wish))
        {
            for (var tries = 1; ; tries++)
            {
                client ??= await StreamerClient.ConnectAsync(node);
                await client.SendAsync($$"""{"command":"REGISTER","username":"{{wish.Name}}","secret":"{{wish.Secret}}"}""");
                var answer = await client.ReceiveOtherAsync();
                var command = answer?.GetProperty("command").GetString();
                var info = answer?.GetProperty("info").GetString();
                if (command == "REGISTER_SUCCESS")
                {
                    answers.Add((wish, true));
                    break;
                }

                Assert.True(command == "REGISTER_FAILED" && tries < TriesMax, $"{wish.Name}: {answer}");
                await client.ExpectEndAsync();
                client.Dispose();
                client = null;
                if (info == $"{wish.Name} is already registered with the system")
                {
                    answers.Add((wish, false));
                    break;
                }

                again++;
            }
        }

        client?.Dispose();
        return again;
    }

    private static async Task<string?> LoginAsync(TestServer node, Wish wish)
    {
        using var client = await StreamerClient.ConnectAsync(node);
        await client.SendAsync($$"""{"command":"LOGIN","username":"{{wish.Name}}","secret":"{{wish.Secret}}"}""");
        return (await client.ReceiveAsync())?.GetProperty("command").GetString();
    }

    /// <summary>Someone wants a name.</summary>
    private sealed record Wish(string Name, string Secret);
}
