using System.Net.Http.Headers;
using System.Text.Json;
using Stentor.Protocol;

namespace Stentor.Gateways.Tests.Sse;

public sealed class EventStreamTests(TestServer server) : IClassFixture<TestServer>
{
    [Fact]
    public async Task Each_event_is_an_entry_whose_id_resumes_exactly_after_it()
    {
        for (var n = 0; n < 5; n++)
        {
            await server.PublishAsync("sse.resume", $$$"""{"activity":{"n":{{{n}}}}}""");
        }

        using var all = await EventStream.OpenAsync(server, "channels=sse.resume&after=start");
        var events = await all.ReadAsync(5);
        Assert.Equal(Enumerable.Range(0, 5), events.Select(e => e.Number));
        for (var i = 0; i < 5; i++)
        {
            using var resumed = await EventStream.OpenAsync(server, "channels=sse.resume&after=now", lastEventId: events[i].Id);
            using var byQuery = await EventStream.OpenAsync(server, $"channels=sse.resume&after={events[i].Id}");
            Assert.Equal(Enumerable.Range(i + 1, 4 - i), (await resumed.ReadAsync(4 - i)).Select(e => e.Number));
            Assert.Equal(Enumerable.Range(i + 1, 4 - i), (await byQuery.ReadAsync(4 - i)).Select(e => e.Number));
        }
    }

    [Fact]
    public async Task A_stream_brings_what_is_new_in_all_its_channels_in_order()
    {
        using var stream = await EventStream.OpenAsync(server, "channels=sse.a.*,sse.b");

        for (var n = 0; n < 30; n++)
        {
            await server.PublishAsync((n % 3) switch { 0 => "sse.a.x", 1 => "sse.b", _ => "sse.c" }, $$$"""{"activity":{"n":{{{n}}}}}""");
        }

        Assert.Equal(Enumerable.Range(0, 30).Where(n => n % 3 != 2), (await stream.ReadAsync(20)).Select(e => e.Number));
    }

    [Fact]
    public async Task Whoever_loses_the_connection_before_the_first_event_resumes_from_where_it_began()
    {
        await server.PublishAsync("sse.first", """{"activity":{"n":1}}""");
        string start;
        using (var stream = await EventStream.OpenAsync(server, "channels=sse.first"))
        {
            start = await stream.ReadStartAsync();
        }

        await server.PublishAsync("sse.first", """{"activity":{"n":2}}""");
        using var resumed = await EventStream.OpenAsync(server, "channels=sse.first", lastEventId: start);

        Assert.Equal(2, (await resumed.ReadAsync(1))[0].Number);
    }

    [Theory]
    [InlineData("", ErrorType.Malformed)]
    [InlineData("channels=", ErrorType.Malformed)]
    [InlineData("channels=a..b", ErrorType.Malformed)]
    [InlineData("channels=a&after=x", ErrorType.Malformed)]
    [InlineData("channels=a&more=1", ErrorType.Malformed)]
    [InlineData("channels=_accounts.%3E", ErrorType.Forbidden)]
    [InlineData("channels=a&access_token=none", ErrorType.Unauthenticated)]
    public async Task A_stream_that_cannot_be_is_answered_with_a_problem(string query, string type) =>
        (await server.GetAsync($"/v1/stream?{query}")).Problem(type);

    [Fact]
    public async Task A_quiet_stream_is_kept_alive_by_comments()
    {
        await using var brisk = await TestServer.StartAsync(o => o with { Node = o.Node with { Heartbeat = TimeSpan.FromMilliseconds(50) } });
        using var stream = await EventStream.OpenAsync(brisk, "channels=quiet");

        Assert.Equal(":", await stream.ReadCommentAsync());
        Assert.Equal(":", await stream.ReadCommentAsync());
    }

    [Fact]
    public async Task A_stream_ends_with_the_session_that_it_is_known_by()
    {
        await using var brisk = await TestServer.StartAsync(o => o with { Node = o.Node with { Heartbeat = TimeSpan.FromMilliseconds(50) } });
        var token = (await brisk.SendAsync(HttpMethod.Post, "/v1/sessions", user: await brisk.RegisterAsync("finn")))["token"].GetString()!; // A session has one.
        using var stream = await EventStream.OpenAsync(brisk, $"channels=a&access_token={token}");
        Assert.Equal(":", await stream.ReadCommentAsync());

        await brisk.SendAsync(HttpMethod.Delete, "/v1/sessions/current", bearer: token);

        Assert.True(await stream.EndsAsync());
    }

    [Fact]
    public async Task A_stop_ends_streams_at_once()
    {
        var stopping = await TestServer.StartAsync();
        using var stream = await EventStream.OpenAsync(stopping, "channels=stop");
        await stream.ReadStartAsync();

        var stop = stopping.Server.StopAsync(CancellationToken.None);

        Assert.True(await stream.EndsAsync());
        await stop.WaitAsync(TestServer.Patience);
        await stopping.DisposeAsync();
    }

    private sealed record Event(string Id, string Type, string Data)
    {
        public int Number => JsonDocument.Parse(Data).RootElement.GetProperty("activity").GetProperty("n").GetInt32();
    }

    private sealed class EventStream : IDisposable
    {
        private readonly HttpResponseMessage _response;
        private readonly StreamReader _reader;

        private EventStream(HttpResponseMessage response, Stream body)
        {
            _response = response;
            _reader = new StreamReader(body);
        }

        public static async Task<EventStream> OpenAsync(TestServer server, string query, string? lastEventId = null)
        {
            using var timeout = new CancellationTokenSource(TestServer.Patience);
            using var request = new HttpRequestMessage(HttpMethod.Get, $"/v1/stream?{query}");
            request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("text/event-stream"));
            if (lastEventId is not null)
            {
                request.Headers.Add("Last-Event-ID", lastEventId);
            }

            var response = await server.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, timeout.Token);
            Assert.Equal("text/event-stream", response.EnsureSuccessStatusCode().Content.Headers.ContentType?.MediaType);
            return new EventStream(response, await response.Content.ReadAsStreamAsync(timeout.Token));
        }

        /// <summary>The token that a stream begins with.</summary>
        public async Task<string> ReadStartAsync() => (await ReadBlockAsync()).First(l => l.StartsWith("id: ", StringComparison.Ordinal))["id: ".Length..];

        public async Task<List<Event>> ReadAsync(int count)
        {
            var events = new List<Event>();
            while (events.Count < count)
            {
                var block = await ReadBlockAsync();
                if (block.Exists(l => l.StartsWith("data: ", StringComparison.Ordinal)))
                {
                    events.Add(new Event(Field(block, "id"), Field(block, "event"), Field(block, "data")));
                    Assert.Equal("activity", events[^1].Type);
                }
            }

            return events;
        }

        public async Task<string> ReadCommentAsync()
        {
            while (true)
            {
                var block = await ReadBlockAsync();
                if (block.Find(l => l.StartsWith(':')) is { } comment)
                {
                    return comment;
                }
            }
        }

        public async Task<bool> EndsAsync()
        {
            using var timeout = new CancellationTokenSource(TestServer.Patience);
            try
            {
                return await _reader.ReadToEndAsync(timeout.Token) is not null;
            }
            catch (IOException)
            {
                return true; // Cut off in the middle is an end too.
            }
        }

        public void Dispose()
        {
            _reader.Dispose();
            _response.Dispose();
        }

        private static string Field(List<string> block, string name) => block.Single(l => l.StartsWith($"{name}: ", StringComparison.Ordinal))[(name.Length + 2)..];

        private async Task<List<string>> ReadBlockAsync()
        {
            using var timeout = new CancellationTokenSource(TestServer.Patience);
            var lines = new List<string>();
            while (await _reader.ReadLineAsync(timeout.Token) is { Length: > 0 } line)
            {
                lines.Add(line);
            }

            return lines;
        }
    }
}
