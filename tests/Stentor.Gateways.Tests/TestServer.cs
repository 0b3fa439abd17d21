using System.Collections.Concurrent;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging;

namespace Stentor.Gateways.Tests;

/// <summary>A real server on a free loopback port, its data in memory unless told otherwise, and a client for it.</summary>
public sealed class TestServer : IAsyncLifetime
{
    /// <summary>Longest time that anything here may take.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private string? _secretFile;
    private Server? _server;
    private HttpClient? _client;

    public Server Server => _server ?? throw new InvalidOperationException("The server is not started.");

    public HttpClient Client => _client ?? throw new InvalidOperationException("The server is not started.");

    public CapturedLogs Logs { get; } = new();

    public Uri Address => Client.BaseAddress!; // Set when it is made.

    public string OperatorSecret => File.ReadAllText(_secretFile!).Trim(); // Every test server has one.

    public (string Username, string Secret) Operator => ("operator", OperatorSecret);

    public static async Task<TestServer> StartAsync(Func<ServerOptions, ServerOptions>? change = null)
    {
        var server = new TestServer();
        try
        {
            await server.StartAsync(server.Defaults(), change);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Few rounds of PBKDF2: tests check that secrets are hashed, not for how long.</summary>
    public ServerOptions Defaults() => new()
    {
        Ephemeral = true,
        Listen = ["http://127.0.0.1:0"],
        Tcp = "127.0.0.1:0",
        OperatorSecretFile = _secretFile ??= Path.Combine(Path.GetTempPath(), $"stentor-test-{Guid.NewGuid():n}.secret"),
        RateLimits = RateLimits.Off,
        Node = new() { Region = "eu", SecretIterations = 10 },
    };

    public async ValueTask InitializeAsync() => await StartAsync(Defaults(), null);

    public async ValueTask DisposeAsync()
    {
        _client?.Dispose();
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }

        if (_secretFile is not null)
        {
            File.Delete(_secretFile);
        }
    }

    public async Task<Answer> SendAsync(HttpMethod method, string path, string? body = null, string type = "application/json", (string Username, string Secret)? user = null, string? bearer = null, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, path);
        if (body is not null)
        {
            request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
            request.Content.Headers.TryAddWithoutValidation("Content-Type", type);
        }

        if (user is { } basic)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{basic.Username}:{basic.Secret}")));
        }

        if (bearer is not null)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", bearer);
        }

        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        using var timeout = new CancellationTokenSource(Patience);
        using var response = await Client.SendAsync(request, timeout.Token);
        return await Answer.OfAsync(response, timeout.Token);
    }

    public Task<Answer> GetAsync(string path, (string Username, string Secret)? user = null) => SendAsync(HttpMethod.Get, path, user: user);

    public Task<Answer> PublishAsync(string channel, string body, (string Username, string Secret)? user = null) =>
        SendAsync(HttpMethod.Post, $"/v1/channels/{channel}/activities", body, user: user ?? Operator);

    public async Task<(string Username, string Secret)> RegisterAsync(string username)
    {
        var secret = $"secret-of-{username}";
        var answer = await SendAsync(HttpMethod.Post, "/v1/accounts", $$"""{"username": "{{username}}", "secret": "{{secret}}"}""");
        Assert.Equal(201, answer.Status);
        return (username, secret);
    }

    private async Task StartAsync(ServerOptions options, Func<ServerOptions, ServerOptions>? change)
    {
        using var timeout = new CancellationTokenSource(Patience);
        _server = await Server.StartAsync(change?.Invoke(options) ?? options, Logs, timeout.Token);
        _client = new HttpClient(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false })
        {
            BaseAddress = new Uri(_server.Listeners.First(l => l.Kind == "http").Address),
            Timeout = Patience,
        };
    }
}

/// <summary>An answer taken apart.</summary>
public sealed record Answer(int Status, string? ContentType, string Text, IReadOnlyDictionary<string, string> Headers)
{
    public JsonElement Json => JsonDocument.Parse(Text).RootElement;

    public JsonElement this[string name] => Json.GetProperty(name);

    public string Seen => this["seen"].GetString()!; // Answers that have one have it as a text.

    public static async Task<Answer> OfAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        var headers = response.Headers.Concat(response.Content.Headers).ToDictionary(h => h.Key, h => string.Join(", ", h.Value), StringComparer.OrdinalIgnoreCase);
        return new Answer((int)response.StatusCode, response.Content.Headers.ContentType?.MediaType, await response.Content.ReadAsStringAsync(cancellationToken), headers);
    }

    /// <summary>Checks that it is a problem document of a type, with the status that belongs to it, and gives its detail.</summary>
    public string Problem(string type)
    {
        Assert.Equal((type, Protocol.ErrorType.StatusOf(type)), (Text.Length == 0 ? "" : this["type"].GetString(), Status));
        Assert.Equal("application/problem+json", ContentType);
        Assert.Equal(Status, this["status"].GetInt32());
        Assert.NotEqual("", this["title"].GetString());
        return this["detail"].GetString()!; // Asserted to be a problem.
    }
}

/// <summary>Keeps log messages, for tests that look for what must not stand in them.</summary>
public sealed class CapturedLogs : ILoggerFactory, ILogger
{
    private readonly ConcurrentQueue<string> _messages = new();
    private TaskCompletionSource _written = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public IEnumerable<string> Messages => _messages;

    /// <summary>Waits until a message says something.</summary>
    public async Task WaitForAsync(string part)
    {
        using var timeout = new CancellationTokenSource(TestServer.Patience);
        while (true)
        {
            var written = Volatile.Read(ref _written).Task;
            if (_messages.Any(message => message.Contains(part, StringComparison.Ordinal)))
            {
                return;
            }

            await written.WaitAsync(timeout.Token);
        }
    }

    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        _messages.Enqueue($"{logLevel}: {formatter(state, exception)} {exception}");
        Interlocked.Exchange(ref _written, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
    }

    public void Dispose()
    {
        // Kept until the test has looked.
    }
}
