using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Stentor.Gateways.Tests.ActivityStreamer;

/// <summary>Peers and clients that do what they should not. In each test somebody else is there, and notices nothing of it.</summary>
public sealed partial class HostileInputTests : IAsyncLifetime
{
    private TestServer _server = null!; // Set before any test.
    private StreamerClient _bystander = null!; // Set before any test.

    public async ValueTask InitializeAsync()
    {
        _server = await StreamerClient.ServeAsync();
        _bystander = await StreamerClient.AnonymousAsync(_server);
    }

    public async ValueTask DisposeAsync()
    {
        // It is served as if nothing had been.
        await _bystander.SendAsync("""{"command":"ACTIVITY_MESSAGE","username":"anonymous","activity":{"still":"here"}}""");
        while (!(await _bystander.ExpectAsync("ACTIVITY_BROADCAST")).GetProperty("activity").TryGetProperty("still", out _))
        {
            // What the test has published.
        }

        _bystander.Dispose();
        await _server.DisposeAsync();
    }

    public static TheoryData<string> Garbage => new()
    {
        "\u0000\u0001\u0002",
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "{\"command\":\"LOGIN\",\"username\":\"anonymous\",\"x\":\"\\ud800\"}{",
        "{\"command\":\"LOGIN\",\"username\":\"a\\u0000b\",\"secret\":\"x\"}",
        "{\"command\":\"LOGIN\",\"username\":\"\\ud800\",\"secret\":\"x\"}",
        "{\"command\":" + new string('[', 100_000),
        "{\"command\":\"LOGIN\",\"username\":\"anonymous\",\"deep\":" + new string('[', 10_000) + new string(']', 10_000) + "}",
        "{\"command\":\"LOGIN\",\"username\":\"" + new string('a', 100_000) + "\",\"secret\":\"x\"}",
        "{\"command\":\"" + new string('\\', 1_000) + "\"}",
        "\uFEFF{\"command\":\"LOGIN\",\"username\":\"anonymous\"}",
    };

    [Theory]
    [MemberData(nameof(Garbage))]
    public async Task Garbage_is_answered_and_closed(string garbage)
    {
        using var client = await StreamerClient.ConnectAsync(_server);

        await client.SendAsync(garbage);

        await client.ExpectAsync("INVALID_MESSAGE");
        await client.ExpectEndAsync();
    }

    [Fact]
    public async Task Bytes_that_are_no_UTF8_are_answered_and_closed()
    {
        using var client = await StreamerClient.ConnectAsync(_server);

        await client.SendBytesAsync([.. """{"command":"LOGIN","username":"an"""u8, 0xC3, 0x28, .. "\"}\n"u8]);

        Assert.Contains("UTF-8", (await client.ExpectAsync("INVALID_MESSAGE")).GetProperty("info").GetString(), StringComparison.Ordinal);
        await client.ExpectEndAsync();
    }

    [Fact]
    public async Task A_line_of_10_MB_is_refused_before_it_ends()
    {
        using var client = await StreamerClient.ConnectAsync(_server);

        var sending = client.SendBytesAsync(Encoding.ASCII.GetBytes(new string('a', 10_000_000)));

        Assert.Contains("frame-bytes-max", (await client.ExpectAsync("INVALID_MESSAGE")).GetProperty("info").GetString(), StringComparison.Ordinal);
        await sending.ContinueWith(static _ => { }, TaskScheduler.Default); // It may be cut off, or taken and thrown away.
    }

    [Theory]
    [InlineData(70_000, "activity-bytes-max")]
    [InlineData(300_000, "frame-bytes-max")]
    public async Task An_activity_over_the_limit_is_refused_with_the_limits_name(int length, string limit)
    {
        using var client = await StreamerClient.AnonymousAsync(_server);

        await client.SendAsync("{\"command\":\"ACTIVITY_MESSAGE\",\"username\":\"anonymous\",\"activity\":{\"x\":\"" + new string('a', length) + "\"}}");

        Assert.Contains(limit, (await client.ExpectAsync("INVALID_MESSAGE")).GetProperty("info").GetString(), StringComparison.Ordinal);
        await client.ExpectEndAsync();
    }

    [Theory]
    [InlineData("""{"a":1,"a":2}""")]
    [InlineData("""{"a":"\u0000"}""")]
    [InlineData("""{"a":"\ud800"}""")]
    [InlineData("""{"a":1e999}""")]
    public async Task An_activity_that_no_entry_may_hold_is_refused(string activity)
    {
        using var client = await StreamerClient.AnonymousAsync(_server);
        using var peer = await StreamerClient.PeerAsync(_server);

        await client.SendAsync($$"""{"activity":{{activity}},"command":"ACTIVITY_MESSAGE","username":"anonymous"}""");
        await peer.SendAsync($$"""{"activity":{{activity}},"command":"ACTIVITY_BROADCAST"}""");

        await client.ExpectAsync("INVALID_MESSAGE");
        await client.ExpectEndAsync();

        // Somebody at the other server wrote it; the server and all behind it stay linked.
        await peer.SettleAsync();
        Assert.Equal(1, await DroppedAsync("unfit"));
    }

    [Fact]
    public async Task Half_lines_that_are_held_open_hold_up_nobody()
    {
        var held = new List<StreamerClient>();
        for (var i = 0; i < 100; i++)
        {
            held.Add(await StreamerClient.ConnectAsync(_server));
            await held[i].SendBytesAsync(Encoding.ASCII.GetBytes("""{"command":"LOGIN","username":"anony"""));
        }

        using var client = await StreamerClient.AnonymousAsync(_server);

        await held[42].SendAsync("""mous"}""");
        await held[42].ExpectAsync("LOGIN_SUCCESS");
        held.ForEach(c => c.Dispose());
    }

    [Fact]
    public async Task A_half_line_at_the_end_is_nothing()
    {
        using var client = await StreamerClient.ConnectAsync(_server);
        await client.SendBytesAsync(Encoding.ASCII.GetBytes("""{"command":"LOGIN","username":"anonymous"}"""));

        client.EndSending();

        await client.ExpectEndAsync();
    }

    [Fact]
    public async Task Answers_leave_whole_also_when_the_client_has_sent_much_more()
    {
        using var client = await StreamerClient.ConnectAsync(_server);

        await client.SendAsync("bad\n" + string.Join('\n', Enumerable.Repeat("""{"command":"LOGIN","username":"anonymous"}""", 2_000)));

        await client.ExpectAsync("INVALID_MESSAGE");
        await client.ExpectEndAsync();
    }

    [Fact]
    public async Task A_server_that_sends_back_what_it_is_sent_is_not_heard()
    {
        using var peer = await StreamerClient.PeerAsync(_server, "x");
        using var client = await StreamerClient.AnonymousAsync(_server);
        await client.SendAsync("""{"command":"ACTIVITY_MESSAGE","username":"anonymous","activity":{"b":"http:\/\/x","n":1.0,"a":null}}""");
        await peer.ExpectAsync("ACTIVITY_BROADCAST");

        // By value: with other escapes, another order, and without nulls.
        await peer.SendAsync("""{"command":"ACTIVITY_BROADCAST","activity":{"authenticated_user":"anonymous","n":1,"b":"http://x"}}""");
        await peer.SendAsync("""{"command":"ACTIVITY_BROADCAST","activity":{"n":2}}""");

        Assert.Equal(1.0, (await client.ExpectAsync("ACTIVITY_BROADCAST")).GetProperty("activity").GetProperty("n").GetDouble());
        Assert.Equal(2, (await client.ExpectAsync("ACTIVITY_BROADCAST")).GetProperty("activity").GetProperty("n").GetInt32());
        Assert.Equal(1, await DroppedAsync("echo"));
    }

    [Fact]
    public async Task An_activity_that_goes_round_behind_a_server_is_cut_off()
    {
        using var peer = await StreamerClient.PeerAsync(_server, "x");

        await peer.SendAsync(string.Join('\n', Enumerable.Repeat("""{"command":"ACTIVITY_BROADCAST","activity":{"round":"again"}}""", 1_500)));
        await peer.SettleAsync();

        Assert.Equal(500, await DroppedAsync("echo"));
    }

    [Fact]
    public async Task Permissions_that_nobody_asked_for_are_counted_and_not_passed_on()
    {
        using var one = await StreamerClient.PeerAsync(_server, "x");
        using var other = await StreamerClient.PeerAsync(_server, "y");

        for (var i = 0; i < 10; i++)
        {
            await one.SendAsync($$"""{"command":"LOCK_ALLOWED","username":"name{{i}}","secret":"s"}""");
        }

        await one.SettleAsync();
        Assert.Equal(10, await DroppedAsync("unasked"));

        // All that the other one hears of it is how the first one settled.
        Assert.Equal("operator", (await other.ReceiveOtherAsync())!.Value.GetProperty("username").GetString());
    }

    [Fact]
    public async Task A_server_that_claims_our_own_id_is_closed_and_no_other()
    {
        using var other = await StreamerClient.PeerAsync(_server, "y");
        using var peer = await StreamerClient.PeerAsync(_server, "x");
        var id = (await _server.GetAsync("/v1/cluster"))["activityStreamer"].GetProperty("id").GetString()!; // Every server has one.

        await peer.AnnounceAsync(id, 0);

        await peer.ExpectAsync("INVALID_MESSAGE");
        await peer.ExpectEndAsync();
        Assert.Equal(1, await DroppedAsync("own-id"));
        await other.SettleAsync();
    }

    [Fact]
    public async Task A_permission_with_texts_that_nobody_needs_harms_nobody()
    {
        using var other = await StreamerClient.PeerAsync(_server, "y");
        using var peer = await StreamerClient.PeerAsync(_server, "x");
        var odd = string.Concat(Enumerable.Repeat("\\u0001", StreamerMessage.TextLengthMax));
        await peer.SendAsync($$"""{"command":"LOCK_REQUEST","username":"{{odd}}","secret":"{{odd}}"}""");

        await peer.SendAsync($$"""{"command":"LOCK_ALLOWED","username":"{{odd}}","secret":"{{odd}}","server":"{{new string('a', 25_000)}}"}""");

        await peer.SettleAsync();
        await other.SettleAsync();
    }

    [Fact]
    public async Task A_server_that_asks_and_never_reads_is_closed_and_no_other()
    {
        using var other = await StreamerClient.PeerAsync(_server, "y");
        using var peer = await StreamerClient.PeerAsync(_server, "x");

        // Much more than what may wait for it, and what its socket takes besides.
        var questions = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("""{"command":"LOCK_REQUEST","username":"operator","secret":"0123456789012345678901234567890123456789"}""" + "\n", 1_000)));
        await Assert.ThrowsAnyAsync<IOException>(async () =>
        {
            for (var i = 0; i < 1_000; i++)
            {
                await peer.SendBytesAsync(questions);
                while (i % 10 == 0 && await other.ReceiveOtherAsync() is { } heard && heard.GetProperty("command").GetString() != "LOCK_DENIED")
                {
                    // The other one reads.
                }
            }
        });
    }

    private async Task<int> DroppedAsync(string reason)
    {
        var metrics = await _server.GetAsync("/metrics");
        var line = DroppedLine().Matches(metrics.Text).FirstOrDefault(m => m.Groups["reason"].Value == reason);
        return line is null ? 0 : int.Parse(line.Groups["count"].Value, CultureInfo.InvariantCulture);
    }

    [GeneratedRegex("^stentor_streamer_dropped_total\\{reason=\"(?<reason>[^\"]+)\"\\} (?<count>[0-9]+)$", RegexOptions.Multiline)]
    private static partial Regex DroppedLine();
}
