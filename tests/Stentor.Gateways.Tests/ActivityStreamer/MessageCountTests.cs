using System.Globalization;
using System.Text.RegularExpressions;
using Stentor.Testing;

namespace Stentor.Gateways.Tests.ActivityStreamer;

/// <summary>How many messages a tree of servers sends for a registration and for an activity, counted where they are received.</summary>
public sealed partial class MessageCountTests
{
    private const string Document = "docs/activity-streamer.md";
    private const string Head = "| servers | messages a registration | n(n - 1) | messages an activity | n - 1 |";

    /// <summary>The table of the document.</summary>
    private static readonly int[] Sizes = [2, 3, 5, 10, 20, 50, 100];

    // A hundred servers in one process.
    private static readonly TimeSpan Patience = TestServer.Patience * 3;

    [Theory]
    [InlineData(2)]
    [InlineData(5)]
    public async Task In_a_tree_a_registration_takes_a_message_for_each_pair_of_servers_and_an_activity_one_for_each_link(int servers)
    {
        var (registration, activity) = await CountAsync(servers);

        Assert.Equal((servers * (servers - 1), servers - 1), (registration, activity));
    }

    /// <summary>Measures the table of docs/activity-streamer.md again, about a minute.</summary>
    [Fact(Explicit = true)]
    public async Task Write_the_table()
    {
        var rows = new List<string>();
        foreach (var n in Sizes)
        {
            var (registration, activity) = await CountAsync(n);
            rows.Add(string.Create(CultureInfo.InvariantCulture, $"| {n} | {registration} | {n * (n - 1)} | {activity} | {n - 1} |"));
        }

        Repository.WriteTable(Document, Head, rows);
    }

    [Fact]
    public void The_document_has_a_row_for_each_size()
    {
        var text = Repository.Read(Document);

        Assert.All(Sizes, n => Assert.Contains(string.Create(CultureInfo.InvariantCulture, $"\n| {n} | "), text[text.IndexOf(Head, StringComparison.Ordinal)..], StringComparison.Ordinal));
    }

    /// <summary>A binary tree of servers that know each other by this protocol alone.</summary>
    private static async Task<(int Registration, int Activity)> CountAsync(int count)
    {
        var servers = new List<TestServer>();
        try
        {
            for (var i = 0; i < count; i++)
            {
                StreamerServer[] remotes = i == 0 ? [] : [new StreamerServer("127.0.0.1", StreamerClient.EndPointOf(servers[(i - 1) / 2]).Port)];
                servers.Add(await StreamerClient.ServeAsync(
                    o => o with { Remotes = remotes, AnnounceInterval = TimeSpan.FromSeconds(1), LockWait = TestServer.Patience },
                    o => o with { Tcp = null, SegmentBytes = 1024 * 1024 }));
            }

            foreach (var server in servers)
            {
                await StreamerCluster.UntilAsync(
                    async () => (await server.GetAsync("/v1/cluster"))["activityStreamer"].GetProperty("servers").GetArrayLength() == count - 1,
                    $"{count - 1} servers are known",
                    Patience);
            }

            // At a leaf, so that it has the longest ways.
            using var client = await StreamerClient.RegisteredAsync(servers[^1], "ann", "s1");
            await client.SendAsync("""{"command":"ACTIVITY_MESSAGE","username":"ann","secret":"s1","activity":{"n":1}}""");
            await StreamerCluster.UntilAsync(
                async () => await SumAsync(servers, "ACTIVITY_BROADCAST") >= count - 1 && await SumAsync(servers, "LOCK_ALLOWED") >= (count - 1) * (count - 1),
                "all have heard all",
                Patience);
            return (await SumAsync(servers, "LOCK_REQUEST") + await SumAsync(servers, "LOCK_ALLOWED") + await SumAsync(servers, "LOCK_DENIED"), await SumAsync(servers, "ACTIVITY_BROADCAST"));
        }
        finally
        {
            await Task.WhenAll(servers.Select(s => s.DisposeAsync().AsTask()));
        }
    }

    private static async Task<int> SumAsync(IEnumerable<TestServer> servers, string command)
    {
        var sum = 0;
        foreach (var server in servers)
        {
            var line = ReceivedLine().Matches((await server.GetAsync("/metrics")).Text).FirstOrDefault(m => m.Groups["command"].Value == command);
            sum += line is null ? 0 : int.Parse(line.Groups["count"].Value, CultureInfo.InvariantCulture);
        }

        return sum;
    }

    [GeneratedRegex("^stentor_streamer_received_total\\{command=\"(?<command>[^\"]+)\"\\} (?<count>[0-9]+)$", RegexOptions.Multiline)]
    private static partial Regex ReceivedLine();
}
