using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Stentor.Cli.Tests.ActivityStreamer;

/// <summary>A server of the Activity Streamer protocol that does what a test tells it, line by line.</summary>
internal sealed class ScriptedServer : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);

    public ScriptedServer() => _listener.Start();

    /// <summary>Its port on 127.0.0.1.</summary>
    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>What <c>--server</c> takes.</summary>
    public string Address => $"127.0.0.1:{Port}";

    /// <summary>A REDIRECT to this server.</summary>
    public string Redirect => $$"""{"command":"REDIRECT","hostname":"127.0.0.1","port":{{Port}}}""";

    /// <summary>An address at which nobody listens.</summary>
    public static string DeadAddress()
    {
        using var server = new ScriptedServer();
        return server.Address;
    }

    /// <summary>Waits for the next client.</summary>
    public async Task<ScriptedClient> AcceptAsync() => new(await _listener.AcceptSocketAsync(TestContext.Current.CancellationToken));

    /// <summary>Waits for the next client and logs it in.</summary>
    /// <param name="login">Its LOGIN.</param>
    public async Task<ScriptedClient> AcceptLoginAsync(string login = """{"command":"LOGIN","username":"anonymous"}""")
    {
        var client = await AcceptAsync();
        Assert.Equal(login, await client.ReadAsync());
        await client.SendAsync("""{"command":"LOGIN_SUCCESS","info":"logged in"}""");
        return client;
    }

    public void Dispose() => _listener.Dispose();
}

/// <summary>A client as the scripted server sees it.</summary>
internal sealed class ScriptedClient(Socket socket) : IDisposable
{
    private readonly NetworkStream _stream = new(socket);
    private StreamReader? _reader;

    /// <summary>Its bytes, for a test that reads no lines.</summary>
    public Stream Stream => _stream;

    /// <summary>Its next line; null when it sends nothing more.</summary>
    public async Task<string?> ReadAsync()
    {
        _reader ??= new StreamReader(_stream);
        return await _reader.ReadLineAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>Sends lines.</summary>
    public Task SendAsync(params string[] lines) => SendRawAsync(string.Concat(lines.Select(line => line + "\n")));

    /// <summary>Sends text as it is.</summary>
    public async Task SendRawAsync(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        for (var sent = 0; sent < bytes.Length;)
        {
            sent += await socket.SendAsync(bytes.AsMemory(sent), TestContext.Current.CancellationToken);
        }
    }

    /// <summary>Reads the goodbye and closes, as the protocol has it.</summary>
    public async Task EndAsync()
    {
        Assert.Equal("""{"command":"LOGOUT"}""", await ReadAsync());
        Assert.Null(await ReadAsync());
        Dispose();
    }

    /// <summary>Breaks the connection: a reset in place of an end.</summary>
    public void Break()
    {
        socket.LingerState = new LingerOption(enable: true, seconds: 0);
        Dispose();
    }

    public void Dispose()
    {
        _reader?.Dispose();
        _stream.Dispose();
        socket.Dispose();
    }
}
