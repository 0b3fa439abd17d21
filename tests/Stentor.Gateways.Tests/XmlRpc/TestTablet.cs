using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Stentor.Protocol;

namespace Stentor.Gateways.Tests.XmlRpc;

/// <summary>A program that registered for updates: it listens on a port of its own, and answers as the test says.</summary>
internal sealed class TestTablet : IDisposable
{
    private readonly TcpListener _listener;
    private readonly CancellationTokenSource _stop = new();
    private readonly Func<XmlRpcCall, string?> _answer;
    private readonly SemaphoreSlim _arrived = new(0);

    private TestTablet(Func<XmlRpcCall, string?> answer, int port)
    {
        _answer = answer;
        _listener = new TcpListener(IPAddress.Loopback, port);
        _listener.Start();
        _ = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>The calls it was sent, the refused ones too.</summary>
    public ConcurrentQueue<XmlRpcCall> Calls { get; } = new();

    /// <summary>How many connections it was sent.</summary>
    public int Connections { get; private set; }

    /// <summary>Takes whatever it is called with, of one argument.</summary>
    public static TestTablet Plain(int port = 0) => new(call => call.Arguments.Count == 1 ? Ok() : Fault(), port);

    /// <summary>Takes calls of two arguments only, as programs in the field do.</summary>
    public static TestTablet Timed() => new(call => call.Arguments.Count == 2 ? Ok() : Fault(), 0);

    /// <summary>Answers as it is told: a whole HTTP answer, or null for none at all.</summary>
    public static TestTablet Of(Func<XmlRpcCall, string?> answer) => new(answer, 0);

    public static string Ok()
    {
        var xml = new ByteBuffer();
        XmlRpcWriter.WriteAnswer(new XmlRpcValue.Truth(true), xml);
        return Http(xml);
    }

    public static string Fault()
    {
        var xml = new ByteBuffer();
        XmlRpcWriter.WriteFault(1, "takes exactly 2 arguments", xml);
        return Http(xml);
    }

    /// <summary>Waits until it was called so often in all, and gives what the calls brought, the refused ones left out.</summary>
    public async Task<IReadOnlyList<string>> ShownAsync(int count)
    {
        while (Calls.Count < count)
        {
            Assert.True(await _arrived.WaitAsync(TestServer.Patience), $"{Calls.Count} calls of {count}");
        }

        return [.. Calls.Select(call => XmlRpcText.Of(call.Arguments[0]))];
    }

    public void Dispose()
    {
        _stop.Cancel();
        _listener.Stop();
        _stop.Dispose();
    }

    private static string Http(ByteBuffer xml) => $"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: {xml.Length}\r\n\r\n{Encoding.UTF8.GetString(xml.WrittenSpan)}";

    private async Task AcceptAsync()
    {
        var stop = _stop.Token;
        try
        {
            while (true)
            {
                _ = ServeAsync(await _listener.AcceptTcpClientAsync(stop), stop);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task ServeAsync(TcpClient client, CancellationToken stop)
    {
        using var _ = client;
        Connections++;
        var stream = client.GetStream();
        var received = new List<byte>();
        var buffer = new byte[4096];
        try
        {
            while (true)
            {
                var text = Encoding.UTF8.GetString([.. received]);
                if (text.IndexOf("</methodCall>", StringComparison.Ordinal) is var end and >= 0)
                {
                    var call = XmlRpcReader.ReadCall(Encoding.UTF8.GetBytes(text[text.IndexOf("<?xml", StringComparison.Ordinal)..(end + "</methodCall>".Length)]));
                    var answer = _answer(call);
                    Calls.Enqueue(call);
                    _arrived.Release();
                    if (answer is null)
                    {
                        await Task.Delay(Timeout.Infinite, stop); // Silent until the test is over.
                    }

                    await stream.WriteAsync(Encoding.UTF8.GetBytes(answer!), stop); // Waited for ever otherwise.
                    received.Clear();
                }

                var read = await stream.ReadAsync(buffer, stop);
                if (read == 0)
                {
                    return;
                }

                received.AddRange(buffer.AsSpan(0, read));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            // The test is over, or the node went.
        }
    }
}
