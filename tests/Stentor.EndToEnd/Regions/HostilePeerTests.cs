using System.Globalization;
using System.Net.Http.Json;
using System.Net.WebSockets;
using System.Text.Json.Nodes;
using Stentor.EndToEnd.Processes;
using Stentor.Protocol;

namespace Stentor.EndToEnd.Regions;

/// <summary>A neighbour is not trusted to send what it should: what is wrong is refused with a reason that is logged and counted, nothing of it reaches state, and everybody else goes on.</summary>
public sealed class HostilePeerTests
{
    private const long Credit = 1 << 20;

    [Fact(Timeout = 120_000)]
    public async Task A_handshake_that_is_wrong_or_was_heard_before_is_refused()
    {
        await using var world = await RegionWorld.StartAsync(2, (1, 0));
        var node = world.Regions[0].Node;

        // Somebody who only guesses the secret.
        await using (var guesser = await LinkPeer.DialAsync(node))
        {
            await guesser.GreetAsync(PeerIdentity.Of("mal-1", "not-the-secret-of-the-cluster"));
            Assert.Equal("wrong-secret", (await guesser.UntilByeAsync()).Type);
        }

        // Somebody who heard a good handshake, and says the same again.
        await using var overheard = await LinkPeer.OpenAsync(node, PeerIdentity.Of("mal-2", world.Secret));
        await using (var replayer = await LinkPeer.DialAsync(node))
        {
            await replayer.SendAsync(overheard.OwnHello);
            await replayer.SendAsync(overheard.OwnProof);
            Assert.Equal("wrong-secret", (await replayer.UntilByeAsync()).Type);
        }

        // Somebody who sends the node's own proof back to it on another connection.
        await using (var mirror = await LinkPeer.DialAsync(node))
        {
            await mirror.SendAsync(mirror.NodeHello);
            await mirror.SendAsync(LinkBytes.Message(LinkBytes.Proof, new byte[32]));
            Assert.Equal("wrong-secret", (await mirror.UntilByeAsync()).Type);
        }

        // Somebody who does not bother with a proof.
        await using (var hasty = await LinkPeer.DialAsync(node))
        {
            await hasty.AnnounceAsync(Credit, ("mal-3", 1));
            Assert.Equal("bad-message", (await hasty.UntilByeAsync()).Type);
        }

        // Somebody from another cluster, and somebody from another time.
        await using (var stranger = await LinkPeer.DialAsync(node))
        {
            await stranger.GreetAsync(PeerIdentity.Of("mal-4", world.Secret) with { Cluster = "0123456789abcdef" });
            Assert.Equal("other-cluster", (await stranger.UntilByeAsync()).Type);
        }

        await using (var later = await LinkPeer.DialAsync(node))
        {
            await later.SendAsync(LinkBytes.Message(LinkBytes.Hello, LinkBytes.Number(99), [1, 2, 3]));
            Assert.Equal("other-version", (await later.UntilByeAsync()).Type);
        }

        await AssertEndedAsync(world, ("wrong-secret", 3, "does not know this cluster"), ("bad-message", 1, "before the proof"), ("other-cluster", 1, "0123456789abcdef"), ("other-version", 1, "version 99"));
        await AssertUnharmedAsync(world);
    }

    [Fact(Timeout = 120_000)]
    public async Task Peers_that_are_gone_before_they_are_refused_harm_nobody()
    {
        await using var world = await RegionWorld.StartAsync(2, (1, 0));

        await Parallel.ForAsync(0, 500, new ParallelOptions { MaxDegreeOfParallelism = 20, CancellationToken = TestContext.Current.CancellationToken }, async (number, _) =>
        {
            await using var peer = await LinkPeer.DialAsync(world.Regions[0].Node);
            await peer.GreetAsync(PeerIdentity.Of($"mal-{number}", number % 2 == 0 ? world.Secret : "not-the-secret-of-the-cluster"));
            if (number % 3 == 0)
            {
                await peer.SendAsync([1, 2, 3]);
            }
        });

        await AssertUnharmedAsync(world);
        Assert.DoesNotContain("\"level\":\"critical\"", world.Regions[0].ErrorText, StringComparison.Ordinal);
    }

    [Fact(Timeout = 120_000)]
    public async Task A_message_that_is_damaged_too_large_or_no_message_at_all_ends_its_link_only()
    {
        await using var world = await RegionWorld.StartAsync(2, (1, 0));
        var (entry, _) = LinkBytes.Entry("mal-1", 1);
        var good = LinkBytes.EntriesMessage(LinkBytes.Vector(("mal-1", 1)), entry);
        byte[] damaged = [.. good];
        damaged[^40] ^= 1;
        (string What, byte[] Message, WebSocketMessageType Type)[] messages =
        [
            ("a bit turned over", damaged, WebSocketMessageType.Binary),
            ("cut off", good[..^10], WebSocketMessageType.Binary),
            ("empty", [], WebSocketMessageType.Binary),
            ("of no kind", LinkBytes.Message(42), WebSocketMessageType.Binary),
            ("with more than its fields", LinkBytes.Message(LinkBytes.Announce, LinkBytes.Vector(), LinkBytes.Number(1), LinkBytes.Number(0), [7]), WebSocketMessageType.Binary),
            ("with a count of what is not there", LinkBytes.Message(LinkBytes.Prune, LinkBytes.Number(1L << 40)), WebSocketMessageType.Binary),
            ("with an origin twice", LinkBytes.Message(LinkBytes.Announce, LinkBytes.Vector(("mal-1", 1), ("mal-1", 2)), LinkBytes.Number(1), LinkBytes.Number(0)), WebSocketMessageType.Binary),
            ("with an origin that is none", LinkBytes.Message(LinkBytes.Prune, LinkBytes.Number(1), LinkBytes.Text("<script>")), WebSocketMessageType.Binary),
            ("a notice that is too long", LinkBytes.Message(LinkBytes.Notice, LinkBytes.Text("x"), LinkBytes.Number(1), new byte[65_537]), WebSocketMessageType.Binary),
            ("a second hello", LinkBytes.Message(LinkBytes.Hello, LinkBytes.Number(LinkBytes.Version), LinkBytes.Text(""), LinkBytes.Text("mal"), LinkBytes.Text("mal-1"), LinkBytes.Text("x"), new byte[32]), WebSocketMessageType.Binary),
            ("a second proof", LinkBytes.Message(LinkBytes.Proof, new byte[32]), WebSocketMessageType.Binary),
            ("too large", LinkBytes.Message(LinkBytes.Prune, new byte[5 * 1024 * 1024]), WebSocketMessageType.Binary),
            ("text", [.. "hello"u8], WebSocketMessageType.Text),
        ];

        foreach (var (what, message, type) in messages)
        {
            await using var peer = await LinkPeer.OpenAsync(world.Regions[0].Node, PeerIdentity.Of("mal-1", world.Secret));
            await peer.AnnounceAsync(Credit);
            await peer.SendAsync(message, type);
            var (why, detail) = await peer.UntilByeAsync();
            Assert.True(why == "bad-message", $"A message {what} was answered with '{why}: {detail}'.");
            Assert.NotEqual("", detail);
        }

        // Before the proof even less is taken than after it.
        await using var stranger = await LinkPeer.DialAsync(world.Regions[0].Node);
        await stranger.SendAsync(LinkBytes.Message(LinkBytes.Hello, LinkBytes.Number(LinkBytes.Version), LinkBytes.Text(new string('x', 100_000))));
        Assert.Equal("bad-message", (await stranger.UntilByeAsync()).Type);

        await AssertEndedAsync(world, ("bad-message", messages.Length + 1, "more than 4096 bytes"), ("bad-message", messages.Length + 1, "does not pass its checksum"));
        await AssertUnharmedAsync(world);
    }

    [Fact(Timeout = 120_000)]
    public async Task An_entry_that_cannot_be_is_refused_and_nothing_of_it_reaches_state()
    {
        await using var world = await RegionWorld.StartAsync(2, (1, 0));
        var inTenYears = DateTime.UtcNow.AddYears(10).ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);
        var damaged = LinkBytes.Entry("mal-2", 1).Text.Replace("\"bad\"", "\"worse\"", StringComparison.Ordinal);
        (string Origin, string What, (string, long)[] Seen, string[] Entries)[] bad =
        [
            ("mal-1", "of a time years ahead", [("mal-1", 1)], [LinkBytes.Entry("mal-1", 1, time: inTenYears).Text]),
            ("mal-2", "whose bytes do not give its chain", [("mal-2", 1)], [damaged]),
            ("mal-3", "with dependencies that the peer does not have", [("mal-3", 1)], [LinkBytes.Entry("mal-3", 1, after: """{"gone-1":5}""").Text]),
            ("mal-4", "that depends on itself", [("mal-4", 1)], [LinkBytes.Entry("mal-4", 1, after: """{"mal-4":1}""").Text]),
            ("mal-5", "that is no entry", [("mal-5", 1)], ["""{"hello":"world"}"""]),
            ("mal-6", "that the peer does not say to have", [], [LinkBytes.Entry("mal-6", 1).Text]),
            ("mal-7", "whose activity is no JSON", [("mal-7", 1)], [LinkBytes.Entry("mal-7", 1, content: "\"{{").Text]),
        ];

        foreach (var (origin, what, seen, entries) in bad)
        {
            await using var peer = await LinkPeer.OpenAsync(world.Regions[0].Node, PeerIdentity.Of(origin, world.Secret));
            await peer.AnnounceAsync(Credit);
            await peer.SendAsync(LinkBytes.EntriesMessage(LinkBytes.Vector(seen), entries));
            var (why, detail) = await peer.UntilByeAsync();
            Assert.True(why is "bad-entry" or "bad-message", $"An entry {what} was answered with '{why}: {detail}'.");
            Assert.Contains("ntry", detail, StringComparison.Ordinal);
        }

        var counted = await EndedAsync(world.Regions[0], "bad-entry");
        await AssertEndedAsync(
            world,
            ("bad-entry", counted, "further ahead"),
            ("bad-entry", counted, "damaged, or the origin is forked"),
            ("bad-entry", counted, "gone-1"),
            ("bad-entry", counted, "depends on itself"),
            ("bad-entry", counted, "not in canonical form"));
        Assert.Equal(bad.Length, counted + await EndedAsync(world.Regions[0], "bad-message"));
        await AssertUnharmedAsync(world);
    }

    [Fact(Timeout = 120_000)]
    public async Task A_number_that_stands_for_other_content_already_is_refused()
    {
        await using var world = await RegionWorld.StartAsync(2, (1, 0));
        for (var forkedAt = 1; forkedAt <= 3; forkedAt++)
        {
            var origin = $"fork-{forkedAt}";
            var first = LinkBytes.Entry(origin, 1);
            var second = LinkBytes.Entry(origin, 2, first.Chain);
            var third = LinkBytes.Entry(origin, 3, second.Chain);
            await using (var honest = await LinkPeer.OpenAsync(world.Regions[0].Node, PeerIdentity.Of(origin, world.Secret)))
            {
                await honest.AnnounceAsync(Credit);
                await honest.SendAsync(LinkBytes.EntriesMessage(LinkBytes.Vector((origin, 3)), first.Text, second.Text, third.Text));
                await WaitUntilHeldAsync(world, origin, 3);
            }

            var before = await ActivitiesAsync(world.Regions[0], origin);
            var other = LinkBytes.Entry(origin, forkedAt, forkedAt == 3 ? second.Chain : forkedAt == 2 ? first.Chain : 0, content: "another past");
            await using (var forker = await LinkPeer.OpenAsync(world.Regions[0].Node, PeerIdentity.Of($"forker-{forkedAt}", world.Secret)))
            {
                await forker.AnnounceAsync(Credit, (origin, 3));
                await forker.SendAsync(LinkBytes.EntriesMessage(LinkBytes.Vector(), other.Text));
                Assert.Equal("bad-entry", (await forker.UntilByeAsync()).Type);
            }

            await AssertEndedAsync(world, ("bad-entry", forkedAt, $"Entry {forkedAt} of {origin}"));
            Assert.Equal(before, await ActivitiesAsync(world.Regions[0], origin));
            Assert.Equal(before, await ActivitiesAsync(world.Regions[1], origin));
        }
    }

    [Fact(Timeout = 240_000)]
    public async Task Entries_whose_past_never_comes_wait_within_bounds_until_whoever_sent_them_is_dropped()
    {
        await using var world = await RegionWorld.StartAsync(2, (1, 0));

        // One sends its third entry and never its first; the other an entry after something that it says to have, and never sends.
        await using var gapped = await LinkPeer.OpenAsync(world.Regions[0].Node, PeerIdentity.Of("gap-1", world.Secret));
        await using var dependent = await LinkPeer.OpenAsync(world.Regions[0].Node, PeerIdentity.Of("dep-1", world.Secret));
        await gapped.AnnounceAsync(Credit);
        await gapped.SendAsync(LinkBytes.EntriesMessage(LinkBytes.Vector(("gap-1", 3)), LinkBytes.Entry("gap-1", 3, 7).Text));
        await dependent.AnnounceAsync(Credit);
        await dependent.SendAsync(LinkBytes.EntriesMessage(LinkBytes.Vector(("dep-1", 1), ("never-1", 9)), LinkBytes.Entry("dep-1", 1, after: """{"never-1":9}""").Text));
        var (gapWhy, depWhy) = (UntilByeAlivelyAsync(gapped), UntilByeAlivelyAsync(dependent));
        await AssertUnharmedAsync(world, waiting: 1);
        Assert.Contains("\"never-1\":9", await world.Regions[0].GetAsync("v1/cluster"), StringComparison.Ordinal);

        Assert.Equal("withheld", (await gapWhy).Type);
        Assert.Equal("withheld", (await depWhy).Type);

        await AssertEndedAsync(world, ("withheld", 2, "never-1"));
        await AssertUnharmedAsync(world);
    }

    [Fact(Timeout = 120_000)]
    public async Task Two_that_claim_one_origin_are_told_apart_and_the_second_is_refused()
    {
        await using var world = await RegionWorld.StartAsync(2, (1, 0));
        var node = world.Regions[0].Node;

        // The node's own origin, and its neighbour's.
        foreach (var region in world.Regions)
        {
            await using var copy = await LinkPeer.DialAsync(node);
            await copy.GreetAsync(PeerIdentity.Of((await region.ViewAsync()).Origin, world.Secret));
            Assert.Equal("same-origin", (await copy.UntilByeAsync()).Type);
        }

        // Two strangers with one origin.
        await using var first = await LinkPeer.OpenAsync(node, PeerIdentity.Of("twin-1", world.Secret));
        await using var second = await LinkPeer.DialAsync(node);
        await second.GreetAsync(PeerIdentity.Of("twin-1", world.Secret));
        Assert.Equal("same-origin", (await second.UntilByeAsync()).Type);

        await AssertEndedAsync(world, ("same-origin", 3, "Another node"));
        await AssertUnharmedAsync(world);
    }

    [Fact(Timeout = 120_000)]
    public async Task A_region_that_is_refused_dials_again_more_and_more_rarely()
    {
        await using var world = await RegionWorld.StartAsync(1);
        using var directory = new TempDirectory();
        await File.WriteAllTextAsync(directory["wrong.secret"], "not-the-secret-of-the-cluster\n", TestContext.Current.CancellationToken);
        File.SetUnixFileMode(directory["wrong.secret"], UnixFileMode.UserRead | UnixFileMode.UserWrite);
        await using var way = new LinkProxy(() => world.Regions[0].Node.Http.Port);
        await using var stranger = new RegionProcess("stranger", directory["stranger"], directory["wrong.secret"]);
        stranger.Links.Add(way);
        await stranger.StartAsync();

        // The time is what is measured: how often it dials in it.
        await Task.Delay(TimeSpan.FromSeconds(12), TestContext.Current.CancellationToken);

        Assert.InRange(way.Connections, 3, 10);
        Assert.Contains("(wrong-secret)", stranger.ErrorText, StringComparison.Ordinal);
        Assert.Contains("Next try in", stranger.ErrorText, StringComparison.Ordinal);
        Assert.InRange(await EndedAsync(world.Regions[0], "wrong-secret"), 3, 10);
        Assert.False((await stranger.ViewAsync()).IsReady);
        Assert.Single((await world.Regions[0].ViewAsync()).Vector);
    }

    /// <summary>Reads on, and says now and then that it lives: a peer that is silent for longer is cut off.</summary>
    private static async Task<(string Type, string Detail)> UntilByeAlivelyAsync(LinkPeer peer)
    {
        var bye = peer.UntilByeAsync();
        while (await Task.WhenAny(bye, Task.Delay(TimeSpan.FromSeconds(2), TestContext.Current.CancellationToken)) != bye)
        {
            await peer.AnnounceAsync(Credit);
        }

        return await bye;
    }

    /// <summary>So many links of the first region ended for these reasons, and the operator is told why.</summary>
    private static async Task AssertEndedAsync(RegionWorld world, params (string Type, int Count, string Words)[] ends)
    {
        foreach (var (type, count, words) in ends)
        {
            // Said when the connection is gone, which a peer that does not hang up holds up for two seconds. A log is looked into: it does not call.
            var line = "";
            for (var patience = DateTime.UtcNow.AddSeconds(20); line.Length == 0; await Task.Delay(50, TestContext.Current.CancellationToken))
            {
                var said = world.Regions[0].ErrorText;
                line = said.Split('\n').FirstOrDefault(l => l.Contains($"({type})", StringComparison.Ordinal) && l.Contains(words, StringComparison.Ordinal)) ?? "";
                Assert.True(line.Length > 0 || DateTime.UtcNow < patience, $"No line says ({type}) and {words}:\n{said}");
            }

            Assert.Equal(count, await EndedAsync(world.Regions[0], type));
        }
    }

    private static async Task<int> EndedAsync(RegionProcess region, string type)
    {
        var line = (await region.GetAsync("metrics")).Split('\n').FirstOrDefault(line => line.StartsWith($"stentor_links_ended_total{{type=\"{type}\"}}", StringComparison.Ordinal));
        return line is null ? 0 : int.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture);
    }

    /// <summary>The regions know of no entry but their own, and replicate as before.</summary>
    private static async Task AssertUnharmedAsync(RegionWorld world, int waiting = 0)
    {
        using var http = new HttpClient();
        using var answer = await http.PostAsJsonAsync(new Uri(world.Regions[0].Node.Http, "v1/channels/activities/activities"), new { activity = new { type = "Note" } }, TestContext.Current.CancellationToken);
        Assert.Equal(201, (int)answer.StatusCode);
        var seen = (string)(await answer.Content.ReadFromJsonAsync<JsonObject>(TestContext.Current.CancellationToken))!["seen"]!;
        await world.Regions[1].GetAsync($"v1/channels/activities?after={seen}&wait=20");
        foreach (var region in world.Regions)
        {
            var view = await region.ViewAsync();
            Assert.All(view.Vector.Keys, origin => Assert.Matches("^r[01]-[0-9a-f]+$", origin));
            Assert.DoesNotContain("hostile", await region.GetAsync("v1/channels"), StringComparison.Ordinal);
            Assert.Equal(region == world.Regions[0] ? waiting : 0, view.Waiting);
        }
    }

    private static async Task<string[]> ActivitiesAsync(RegionProcess region, string origin) =>
        [.. JsonNode.Parse(await region.GetAsync($"v1/channels/hostile.{origin}/activities"))!["activities"]!.AsArray().Select(entry => entry!.ToJsonString())];

    /// <summary>Each answers once it has applied what the read names: so all have it.</summary>
    private static async Task WaitUntilHeldAsync(RegionWorld world, string origin, long seq)
    {
        var seen = SeenToken.Encode(VersionVector.Of(new OriginId(origin), seq));
        foreach (var region in world.Regions)
        {
            await region.GetAsync($"v1/channels/hostile.{origin}?after={seen}&wait=20");
        }
    }
}
