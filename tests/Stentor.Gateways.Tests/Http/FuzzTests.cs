using System.Text;

namespace Stentor.Gateways.Tests.Http;

/// <summary>Requests put together at random from good parts and bad ones: each gets an answer that is nobody's fault but the client's.</summary>
public sealed class FuzzTests(TestServer server) : IClassFixture<TestServer>
{
    private static readonly string[] Methods = ["GET", "GET", "GET", "HEAD", "POST", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "get", "G\u0001T"];

    private static readonly string[] Segments = ["v1", "channels", "activities", "activities", "conflicts", "inboxes", "ack", "accounts", "sessions", "current", "cluster", "voters", "leave", "a.b", "%3E", "*", "_grants", "%00", "%FF%FE", "..", "", "%2F", "\u00ff"];

    private static readonly string[] Parameters = ["after", "limit", "wait", "newest", "match", "channels", "access_token", "x", "", "%", "after=&after"];

    private static readonly string[] Values = ["1", "0", "-1", "99999999999999999999", "1e9", "0.001", "true", "", "%", "%zz", "%00", "AQ", "AQ5sb2NhbC0yMmViZjk4MAEvqQ", "_accounts.>", ">", "\u00e9", "NaN"];

    private static readonly string[] Headers =
    [
        "Content-Type: application/json", "Content-Type: application/x-ndjson", "Content-Type: \"", "Authorization: Basic YTpi", "Authorization: Basic =", "Authorization: Bearer x", "Authorization:",
        "If-None-Match: *", "If-None-Match: W/\"", "If-None-Match: ,,,", "Origin: null", "Origin: http://x", "Last-Event-ID: x", "Accept: */*", "Upgrade: websocket", "Expect: 100-continue", "Range: bytes=0-1",
    ];

    private static readonly string[] Tokens = ["{", "}", "[", "]", ":", ",", "\"", "\"activity\"", "\"effect\"", "\"set\"", "\"add\"", "\"remove\"", "\"if\"", "\"id\"", "\"after\"", "\"username\"", "\"secret\"", "\"channels\"", "\"seen\"", "1", "-0", "1e400", "null", "true", "\\u0000", "\\ud800", " ", "\n", "\u00ff", "{\"activity\":{}}"];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task No_request_is_a_fault_of_the_node(int seed)
    {
        var random = new Random(seed);
        using var timeout = new CancellationTokenSource(TestServer.Patience);

        for (var n = 0; n < 150; n++)
        {
            var request = RequestOf(random);
            using var socket = await RawHttp.ConnectAsync(server.Address, timeout.Token);
            await socket.SendAsync(request, timeout.Token);
            var answer = await socket.ReadUntilAsync("\r\n", timeout.Token);

            Assert.True(answer.StartsWith("HTTP/1.1 ", StringComparison.Ordinal) && answer[9] is '1' or '2' or '3' or '4', $"seed {seed}, request {n}: {answer} to {request}");
        }

        Assert.Equal(200, (await server.GetAsync("/healthz/ready")).Status);
        Assert.DoesNotContain(server.Logs.Messages, m => m.StartsWith("Error", StringComparison.Ordinal));
    }

    private static string RequestOf(Random random)
    {
        string Any(string[] from) => from[random.Next(from.Length)];
        var target = new StringBuilder(random.Next(3) == 0 ? $"/v1/channels/{Any(Segments)}/activities" : string.Concat(Enumerable.Range(0, random.Next(1, 5)).Select(_ => "/" + Any(Segments))));
        for (var n = random.Next(3); n > 0; n--)
        {
            target.Append(target.ToString().Contains('?', StringComparison.Ordinal) ? '&' : '?').Append(Any(Parameters)).Append('=').Append(Any(Values));
        }

        var body = string.Concat(Enumerable.Range(0, random.Next(12)).Select(_ => Any(Tokens)));
        var headers = string.Concat(Enumerable.Range(0, random.Next(4)).Select(_ => Any(Headers) + "\r\n"));
        return $"{Any(Methods)} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{headers}Content-Length: {body.Length}\r\n\r\n{body}";
    }
}
