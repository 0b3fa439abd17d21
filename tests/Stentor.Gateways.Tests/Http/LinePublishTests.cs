using System.Net;
using System.Text;
using System.Text.Json;
using Stentor.Protocol;

namespace Stentor.Gateways.Tests.Http;

public sealed class LinePublishTests(TestServer server) : IClassFixture<TestServer>
{
    private const string Lines = "application/x-ndjson";

    [Fact]
    public async Task Each_line_is_answered_in_order_and_a_bad_one_in_its_place()
    {
        var body = string.Join('\n',
            """{"activity": {"n": 1}}""",
            "not json",
            "",
            """{"activity": {"n": 2}, "if": {"exists": false}}""",
            """{"activity": {"n": 3}, "id": "x"}""",
            """{"activity": {"n": 3}, "id": "x"}""",
            """{"nothing": true}""");

        var outcomes = await PublishAsync("lines.order", body);

        Assert.Equal(["ok", "malformed 2", "condition-not-met 4", "ok", "duplicate", "malformed 7"], outcomes.Select(Summary));
        Assert.Equal(2, (await server.GetAsync("/v1/channels/lines.order"))["version"].GetInt64());
    }

    [Fact]
    public async Task Many_lines_keep_their_order()
    {
        const int Count = 20_000;
        var body = new StringBuilder();
        for (var n = 0; n < Count; n++)
        {
            body.Append("{\"activity\":{\"n\":").Append(n).Append("}}\n");
            if (n % 1000 == 0)
            {
                body.Append("bad\n");
            }
        }

        var outcomes = await PublishAsync("lines.many", body.ToString());

        Assert.Equal(Count + (Count / 1000), outcomes.Count);
        var seqs = outcomes.Where(o => o.TryGetProperty("seq", out _)).Select(o => o.GetProperty("seq").GetInt64()).ToList();
        Assert.Equal(seqs.Order(), seqs);
        Assert.Equal(Count, seqs.Distinct().Count());
        Assert.Equal(Count, (await server.GetAsync("/v1/channels/lines.many"))["version"].GetInt64());
        Assert.Equal(Enumerable.Range(0, Count / 1000).Select(i => (i * 1001) + 2), outcomes.Where(o => o.TryGetProperty("error", out _)).Select(o => o.GetProperty("error").GetProperty("line").GetInt32()));
    }

    [Fact]
    public async Task Outcomes_come_while_lines_are_still_being_sent()
    {
        using var timeout = new CancellationTokenSource(TestServer.Patience);
        using var socket = await RawHttp.ConnectAsync(server.Address, timeout.Token);
        await socket.SendAsync("POST /v1/channels/activities/activities HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n", timeout.Token);

        await socket.SendAsync(Chunk("{\"activity\":{}}\n{\"activity\""), timeout.Token);
        var first = await socket.ReadUntilAsync("\"seen\"", timeout.Token);
        await socket.SendAsync(Chunk(":{}}"), timeout.Token);
        await socket.SendAsync("0\r\n\r\n", timeout.Token);
        var rest = await socket.ReadUntilAsync("0\r\n\r\n", timeout.Token);

        Assert.StartsWith("HTTP/1.1 200 OK", first);
        Assert.Contains("\"seq\":", rest, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_line_that_is_too_long_is_refused_and_the_next_goes_on()
    {
        var body = $$$"""
            {"activity": {"n": 1}}
            {"activity": {"text": "{{{new string('x', 3_000_000)}}}"}}
            {"activity": {"n": 2}}
            """;

        var outcomes = await PublishAsync("lines.long", body);

        Assert.Equal(["ok", "too-large 2", "ok"], outcomes.Select(Summary));
    }

    [Fact]
    public async Task A_body_that_is_too_long_is_refused_where_it_is()
    {
        await using var small = await TestServer.StartAsync(o => o with { Node = o.Node with { Limits = o.Node.Limits with { NdjsonBytesMax = 1000 } } });
        var body = string.Concat(Enumerable.Repeat("{\"activity\":{}}\n", 100));

        var known = await small.SendAsync(HttpMethod.Post, "/v1/channels/activities/activities", body, Lines);
        var unknown = await SendChunkedAsync(small, body);

        Assert.Contains("ndjson-bytes-max", known.Problem(ErrorType.TooLarge), StringComparison.Ordinal);
        Assert.Equal(200, unknown.Status);
        Assert.StartsWith("too-large", Summary(JsonDocument.Parse(unknown.Text.Trim().Split('\n')[^1]).RootElement));
    }

    [Fact]
    public async Task A_token_of_a_line_before_is_covered()
    {
        using var timeout = new CancellationTokenSource(TestServer.Patience);
        using var socket = await RawHttp.ConnectAsync(server.Address, timeout.Token);
        await socket.SendAsync("POST /v1/channels/activities/activities HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n", timeout.Token);

        await socket.SendAsync(Chunk("{\"activity\":{}}\n"), timeout.Token);
        var answer = await socket.ReadUntilAsync("}\n", timeout.Token);
        var seen = answer.Split("\"seen\":\"")[1].Split('"')[0];
        await socket.SendAsync(Chunk($$"""{"activity":{},"after":"{{seen}}"}"""), timeout.Token);
        await socket.SendAsync("0\r\n\r\n", timeout.Token);
        var rest = await socket.ReadUntilAsync("0\r\n\r\n", timeout.Token);

        Assert.DoesNotContain("error", rest, StringComparison.Ordinal);
        Assert.Contains("\"seq\":", rest, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_empty_body_has_no_outcomes()
    {
        var answer = await server.SendAsync(HttpMethod.Post, "/v1/channels/activities/activities", "\n\r\n  \n", Lines);

        Assert.Equal((200, "", Lines), (answer.Status, answer.Text, answer.ContentType));
    }

    [Fact]
    public async Task A_client_that_goes_away_takes_nothing_with_it()
    {
        using var timeout = new CancellationTokenSource(TestServer.Patience);
        using (var socket = await RawHttp.ConnectAsync(server.Address, timeout.Token))
        {
            await socket.SendAsync("POST /v1/channels/activities/activities HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n", timeout.Token);
            await socket.SendAsync(Chunk("{\"activity\":{}}\n"), timeout.Token);
        }

        Assert.Equal(201, (await server.PublishAsync("lines.after", """{"activity": {}}""")).Status);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task Wherever_the_body_is_cut_the_outcomes_are_the_same(int seed)
    {
        var random = new Random(seed);
        var body = new StringBuilder();
        var expected = new List<string>();
        for (var line = 1; line <= 300; line++)
        {
            switch (random.Next(6))
            {
                case 0:
                    body.Append("\r\n");
                    break;
                case 1:
                    body.Append("{\"activity\": nonsense}\n");
                    expected.Add($"malformed {line}");
                    break;
                case 2:
                    body.Append("{\"activity\": {\"text\": \"").Append('x', 70_000).Append("\"}}\n");
                    expected.Add($"too-large {line}");
                    break;
                case 3 when random.Next(10) == 0:
                    body.Append("{\"activity\": {\"text\": \"").Append('x', 300_000).Append("\"}}\n");
                    expected.Add($"too-large {line}");
                    break;
                default:
                    body.Append("{\"activity\": {\"text\": \"").Append('é', random.Next(200)).Append("\"}}\n");
                    expected.Add("ok");
                    break;
            }
        }

        using var timeout = new CancellationTokenSource(TestServer.Patience);
        using var socket = await RawHttp.ConnectAsync(server.Address, timeout.Token);
        await socket.SendAsync("POST /v1/channels/activities/activities HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n", timeout.Token);
        var bytes = Encoding.UTF8.GetBytes(body.ToString());
        for (var at = 0; at < bytes.Length;)
        {
            var count = Math.Min(bytes.Length - at, random.Next(2) == 0 ? random.Next(1, 50) : random.Next(1, 200_000));
            await socket.SendAsync($"{count:x}\r\n", timeout.Token);
            await socket.SendAsync(bytes.AsMemory(at, count), timeout.Token);
            await socket.SendAsync("\r\n", timeout.Token);
            at += count;
        }

        await socket.SendAsync("0\r\n\r\n", timeout.Token);
        var answer = Unchunk(await socket.ReadToEndAsync(timeout.Token));

        Assert.Equal(expected, answer.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => Summary(JsonDocument.Parse(line).RootElement)));
    }

    [Fact]
    public async Task A_client_that_sends_all_before_it_reads_is_answered_in_full()
    {
        const int Count = 50_000;
        using var timeout = new CancellationTokenSource(TestServer.Patience);
        using var socket = await RawHttp.ConnectAsync(server.Address, timeout.Token);
        var body = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("{\"activity\":{}}\n", Count)));

        await socket.SendAsync($"POST /v1/channels/activities/activities HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nConnection: close\r\nContent-Length: {body.Length}\r\n\r\n", timeout.Token);
        await socket.SendAsync(body, timeout.Token);
        var answer = Unchunk(await socket.ReadToEndAsync(timeout.Token));

        Assert.Equal(Count, answer.Split('\n', StringSplitOptions.RemoveEmptyEntries).Count(line => Summary(JsonDocument.Parse(line).RootElement) == "ok"));
    }

    [Fact]
    public async Task A_stop_answers_what_was_taken_and_says_from_where_to_send_again()
    {
        await using var stopping = await TestServer.StartAsync();
        using var timeout = new CancellationTokenSource(TestServer.Patience);
        using var socket = await RawHttp.ConnectAsync(stopping.Address, timeout.Token);
        await socket.SendAsync("POST /v1/channels/activities/activities HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n", timeout.Token);
        await socket.SendAsync(Chunk("{\"activity\":{}}\n"), timeout.Token);
        await socket.ReadUntilAsync("\"seen\"", timeout.Token);

        var stop = stopping.Server.StopAsync(timeout.Token);
        var rest = await socket.ReadUntilAsync("0\r\n\r\n", timeout.Token);
        socket.Dispose();
        await stop.WaitAsync(TimeSpan.FromSeconds(10), timeout.Token);

        Assert.Contains("\"type\":\"not-ready\"", rest, StringComparison.Ordinal);
        Assert.Contains("\"line\":2", rest, StringComparison.Ordinal);
    }

    private static string Unchunk(string answer)
    {
        var body = new StringBuilder();
        var rest = answer.AsSpan(answer.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4);
        while (true)
        {
            var end = rest.IndexOf("\r\n");
            var length = int.Parse(rest[..end], System.Globalization.NumberStyles.HexNumber);
            if (length == 0)
            {
                return body.ToString();
            }

            body.Append(rest.Slice(end + 2, length));
            rest = rest[(end + 2 + length + 2)..];
        }
    }

    private async Task<List<JsonElement>> PublishAsync(string channel, string body)
    {
        var answer = await server.SendAsync(HttpMethod.Post, $"/v1/channels/{channel}/activities", body, Lines, server.Operator);
        Assert.Equal(((int)HttpStatusCode.OK, Lines), (answer.Status, answer.ContentType));
        return [.. answer.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement)];
    }

    private static async Task<Answer> SendChunkedAsync(TestServer server, string body)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/channels/activities/activities");
        request.Content = new StreamContent(new MemoryStream(Encoding.UTF8.GetBytes(body)));
        request.Content.Headers.TryAddWithoutValidation("Content-Type", Lines);
        request.Headers.TransferEncodingChunked = true;
        using var response = await server.Client.SendAsync(request);
        return await Answer.OfAsync(response, default);
    }

    private static string Summary(JsonElement outcome)
    {
        if (outcome.TryGetProperty("error", out var error))
        {
            return $"{error.GetProperty("type").GetString()} {error.GetProperty("line").GetInt32()}";
        }

        return outcome.GetProperty("duplicate").GetBoolean() ? "duplicate" : "ok";
    }

    private static string Chunk(string text) => $"{Encoding.UTF8.GetByteCount(text):x}\r\n{text}\r\n";
}
