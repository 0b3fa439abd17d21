using System.Text.RegularExpressions;
using Stentor.Protocol;
using Stentor.Testing;

namespace Stentor.Gateways.Tests.Http;

public sealed class ErrorTests(TestServer server) : IClassFixture<TestServer>
{
    [Fact]
    public void The_table_in_the_docs_is_that_of_the_code()
    {
        var text = File.ReadAllText(Path.Combine(Repository.Root, "docs", "errors.md"));

        var rows = Regex.Matches(text, @"^\| `([a-z-]+)` \| (\d+) \|", RegexOptions.Multiline).Select(m => (m.Groups[1].Value, int.Parse(m.Groups[2].Value)));

        Assert.Equal(ErrorTable.Types.Select(t => (t, ErrorType.StatusOf(t))).OrderBy(t => t.t), rows.OrderBy(r => r.Value));
    }

    [Fact]
    public void Every_type_has_a_title_of_its_own()
    {
        var titles = ErrorTable.Types.Select(Problem.TitleOf).ToList();

        Assert.Equal(titles.Count, titles.Distinct().Count());
    }

    [Fact]
    public async Task Every_route_answers_wrong_methods_with_those_that_exist()
    {
        foreach (var route in server.Server.Routes)
        {
            var path = route.Template.Replace("{channel}", "errors", StringComparison.Ordinal).Replace("{name}", "errors", StringComparison.Ordinal);
            foreach (var method in (string[])["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"])
            {
                if (route.Allow.Split(", ").Contains(method))
                {
                    continue;
                }

                var answer = await server.SendAsync(new HttpMethod(method), path);

                Assert.Equal((405, route.Allow), (answer.Status, answer.Headers.GetValueOrDefault("Allow")));
                if (method != "HEAD")
                {
                    answer.Problem(ErrorType.MethodNotAllowed);
                }
            }
        }
    }

    [Fact]
    public async Task Every_route_refuses_parameters_that_it_does_not_know()
    {
        foreach (var route in server.Server.Routes.Where(r => r.Access != Access.Open))
        {
            foreach (var operation in route.Operations)
            {
                var path = route.Template.Replace("{channel}", "activities", StringComparison.Ordinal).Replace("{name}", "errors", StringComparison.Ordinal);

                var answer = await server.SendAsync(new HttpMethod(operation.Method), $"{path}?bogus=1", operation.Method == "GET" ? null : "{}", user: server.Operator);

                Assert.Contains("'bogus'", answer.Problem(ErrorType.Malformed), StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public async Task Every_route_that_takes_JSON_refuses_everything_else()
    {
        foreach (var (method, path) in (IEnumerable<(HttpMethod, string)>)[(HttpMethod.Post, "/v1/accounts"), (HttpMethod.Post, "/v1/sessions"), (HttpMethod.Post, "/v1/cluster/voters"), (HttpMethod.Post, "/v1/cluster/leave"), (HttpMethod.Put, "/v1/inboxes/a"), (HttpMethod.Post, "/v1/inboxes/a/ack"), (HttpMethod.Post, "/v1/channels/a/activities")])
        {
            (await server.SendAsync(method, path, "<x/>", "application/xml", server.Operator)).Problem(ErrorType.UnsupportedMediaType);
            (await server.SendAsync(method, path, "<x/>", "application/json", server.Operator)).Problem(ErrorType.Malformed);
            (await server.SendAsync(method, path, new string(' ', 300_000), "application/json", server.Operator)).Problem(ErrorType.TooLarge);
        }
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/v1")]
    [InlineData("/v1/channels/")]
    [InlineData("/v1/channels/a/")]
    [InlineData("/v1/channels//activities")]
    [InlineData("/v1/channels/a/activities/1")]
    [InlineData("/v2/channels/a")]
    [InlineData("/V1/CHANNELS")]
    [InlineData("/v1/sessions/other")]
    [InlineData("/v1/inboxes")]
    [InlineData("/favicon.ico")]
    public async Task A_path_that_does_not_exist_is_not_found(string path) =>
        (await server.GetAsync(path)).Problem(ErrorType.NotFound);

    [Theory]
    [InlineData("x", "400")]
    [InlineData("GET / HTTP/1.1\r\n\r\n", "400")]
    [InlineData("GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n", "400")]
    [InlineData("GET / HTTP/9.9\r\nHost: x\r\n\r\n", "505")]
    [InlineData("POST /v1/accounts HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", "400")]
    [InlineData("POST /v1/accounts HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "400")]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\nA\u0000: b\r\n\r\n", "400")]
    public async Task Bytes_that_are_no_HTTP_get_a_status_and_the_node_goes_on(string bytes, string status)
    {
        using var timeout = new CancellationTokenSource(TestServer.Patience);
        using var socket = await RawHttp.ConnectAsync(server.Address, timeout.Token);

        await socket.SendAsync(bytes == "x" ? "x\r\n\r\n" : bytes, timeout.Token);

        Assert.StartsWith($"HTTP/1.1 {status}", await socket.ReadToEndAsync(timeout.Token));
        Assert.Equal(200, (await server.GetAsync("/healthz/live")).Status);
    }

    [Theory]
    [InlineData(1024 * 1024, 1, "431")]
    [InlineData(10, 1000, "431")]
    public async Task Headers_over_their_limit_are_refused(int length, int count, string status)
    {
        using var timeout = new CancellationTokenSource(TestServer.Patience);
        using var socket = await RawHttp.ConnectAsync(server.Address, timeout.Token);
        var headers = string.Concat(Enumerable.Range(0, count).Select(i => $"X-{i}: {new string('x', length)}\r\n"));

        await socket.SendAsync($"GET / HTTP/1.1\r\nHost: x\r\n{headers}\r\n", timeout.Token);

        Assert.StartsWith($"HTTP/1.1 {status}", await socket.ReadToEndAsync(timeout.Token));
        Assert.Equal(200, (await server.GetAsync("/healthz/live")).Status);
    }

    [Fact]
    public async Task A_request_line_over_its_limit_is_refused()
    {
        using var timeout = new CancellationTokenSource(TestServer.Patience);
        using var socket = await RawHttp.ConnectAsync(server.Address, timeout.Token);

        await socket.SendAsync($"GET /{new string('x', 100_000)} HTTP/1.1\r\nHost: x\r\n\r\n", timeout.Token);

        Assert.StartsWith("HTTP/1.1 414", await socket.ReadToEndAsync(timeout.Token));
    }
}
