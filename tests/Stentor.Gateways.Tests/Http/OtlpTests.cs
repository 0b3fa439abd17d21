using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Stentor.Gateways.Tests.Http;

public sealed class OtlpTests
{
    [Fact]
    public async Task Metrics_are_sent_to_a_collector_and_once_more_at_the_end()
    {
        using var timeout = new CancellationTokenSource(TestServer.Patience);
        using var collector = new TcpListener(IPAddress.Loopback, 0);
        collector.Start();
        var received = ReceiveAsync(collector, timeout.Token);
        var endpoint = new Uri($"http://{collector.LocalEndpoint}/v1/metrics");

        await using (var server = await TestServer.StartAsync(o => o with { OtlpEndpoint = endpoint, OtlpInterval = TimeSpan.FromMinutes(5) }))
        {
            await server.PublishAsync("otlp", """{"activity": {}}""");
        }

        var request = await received;
        Assert.StartsWith("POST /v1/metrics HTTP/1.1", request);
        Assert.Contains("stentor.http.request.duration", request, StringComparison.Ordinal);
        Assert.Contains("stentor.entries", request, StringComparison.Ordinal);
    }

    private static async Task<string> ReceiveAsync(TcpListener collector, CancellationToken cancellationToken)
    {
        using var socket = await collector.AcceptSocketAsync(cancellationToken);
        var buffer = new byte[256 * 1024];
        var received = new StringBuilder();
        var length = int.MaxValue;
        while (received.Length < length && await socket.ReceiveAsync(buffer, cancellationToken) is > 0 and var count)
        {
            received.Append(Encoding.Latin1.GetString(buffer, 0, count));
            var text = received.ToString();
            var end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
            if (end >= 0 && length == int.MaxValue)
            {
                var header = text[..end].Split("\r\n").First(h => h.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase));
                length = end + 4 + int.Parse(header.Split(':')[1]);
            }
        }

        await socket.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"u8.ToArray(), cancellationToken);
        return received.ToString();
    }
}
