using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Stentor.Load.Clients;
using Stentor.Load.Net;

namespace Stentor.Load.Servers;

/// <summary>A Stentor node with a data directory on disk, and an account that may publish.</summary>
/// <param name="settings">Where its program is.</param>
/// <param name="overWebSocket">Whether readers and publishers use WebSocket; otherwise TCP frames.</param>
/// <param name="place">Its place in a cluster; null for a region by itself.</param>
internal sealed partial class StentorServer(Settings settings, bool overWebSocket, ClusterPlace? place = null) : ChildServer(settings), IScoreboardServer
{
    private const string SocketPath = "/v1/socket";
    private IPEndPoint _http = new(IPAddress.Loopback, 0);
    private IPEndPoint _tcp = new(IPAddress.Loopback, 0);
    private IPEndPoint _streamer = new(IPAddress.Loopback, 0);

    /// <summary>The channel that readers take by the Activity Streamer protocol; null when they read frames. It is published to in frames all the same.</summary>
    public string? StreamerChannel { get; init; }

    /// <summary>Whether the scoreboard is served over XML-RPC; the account is then its writer's.</summary>
    public bool HasScoreboard { get; init; }

    /// <inheritdoc/>
    public IPEndPoint XmlRpc => _http;

    /// <summary>The account that publishes. Its secret is no secret: the node lives for one measurement, on loopback.</summary>
    public Account Account => HasScoreboard ? new("cacophonix", IScoreboardServer.Password) : new("load", "load-generator-secret");

    /// <summary>Where HTTP is served.</summary>
    public IPEndPoint Http => _http;

    /// <summary>The header that authenticates HTTP requests, with its line end.</summary>
    public string AuthorizationLine => $"Authorization: Basic {Convert.ToBase64String(Encoding.ASCII.GetBytes($"{Account.Username}:{Account.Secret}"))}\r\n";

    /// <inheritdoc/>
    public override void Begin()
    {
        StartNode();
        WaitUntilReady();
        if (place?.Neighbour is null)
        {
            Register(); // Elsewhere the account is known by replication.
        }
    }

    /// <summary>The last position of the node's ledger.</summary>
    public long Position() => JsonDocument.Parse(Request(HttpMethod.Get, "/v1/cluster", null).Body).RootElement.GetProperty("loads").GetProperty("positionLast").GetInt64();

    /// <summary>Starts the process on its directory: for the first time or again.</summary>
    public void StartNode()
    {
        if (!File.Exists(Settings.ServerBinary))
        {
            throw new LoadException($"There is no node at {Settings.ServerBinary}. Build it with: dotnet build -c Release");
        }

        Start(
            "dotnet",
            [
                Settings.ServerBinary, "serve", "--listen", "http://127.0.0.1:0", "--tcp", "127.0.0.1:0",
                .. place is { IsEphemeral: true } ? (string[])["--ephemeral"] : ["--data", Path.Combine(Directory, "data")],
                .. place is { IgnoresDependencies: true } ? (string[])["--ignore-dependencies"] : [],
                "--region", place?.Region ?? "bench", "--rate-limits", "off", "--json",
                .. StreamerChannel is null ? (string[])[] : ["--activity-streamer", "127.0.0.1:0", "--activity-streamer-channel", StreamerChannel],
                .. HasScoreboard ? (string[])["--xml-rpc"] : [],
                .. place is null ? (string[])[] : ["--cluster-secret-file", place.SecretFile],
                .. place?.Neighbour is null ? (string[])[] : ["--link", $"ws://127.0.0.1:{place.Neighbour.Http.Port}"],
            ]);
        while (_http.Port == 0 || _tcp.Port == 0 || (StreamerChannel is not null && _streamer.Port == 0))
        {
            var line = NextLine();
            if (Address().Match(line) is { Success: true } address)
            {
                var endpoint = new IPEndPoint(IPAddress.Loopback, int.Parse(address.Groups["port"].ValueSpan));
                if (line.Contains("http", StringComparison.Ordinal))
                {
                    _http = endpoint;
                }
                else if (line.Contains("activity-streamer", StringComparison.Ordinal))
                {
                    _streamer = endpoint;
                }
                else
                {
                    _tcp = endpoint;
                }
            }
        }
    }

    /// <summary>Ends the process at once; its ports are forgotten.</summary>
    public void KillNode()
    {
        Kill();
        _http = new(IPAddress.Loopback, 0);
        _tcp = new(IPAddress.Loopback, 0);
        _streamer = new(IPAddress.Loopback, 0);
    }

    /// <summary>Waits until <c>/healthz/ready</c> answers 200.</summary>
    public void WaitUntilReady(int timeoutSeconds = 120)
    {
        using var http = Client();
        for (var deadline = Clock.Now + (timeoutSeconds * Clock.Second); Clock.Now < deadline;)
        {
            ThrowIfEnded();
            try
            {
                using var response = http.Send(new HttpRequestMessage(HttpMethod.Get, "/healthz/ready"));
                if (response.StatusCode == HttpStatusCode.OK)
                {
                    return;
                }
            }
            catch (HttpRequestException)
            {
                // Not listening yet: asked again until the deadline.
            }

            Thread.Sleep(5);
        }

        throw new LoadException($"The node was not ready within {timeoutSeconds} s.");
    }

    /// <inheritdoc/>
    public override Connection OpenReader(IReadOnlyList<string> channels, Tally tally) =>
        StreamerChannel is null ? Open(channels, tally, null, "now") : new StreamerConnection(_streamer, tally);

    /// <summary>Opens a connection that reads channels from their beginning.</summary>
    public Connection OpenReaderFromStart(IReadOnlyList<string> channels, Tally tally) => Open(channels, tally, null, "start");

    /// <inheritdoc/>
    public override Connection OpenPublisher(Tally tally) => Open([], tally, Account, "now");

    /// <summary>Sends one request and gives its answer's body and <c>ETag</c>.</summary>
    /// <exception cref="LoadException">The status is no success.</exception>
    public (string Body, string? ETag) Request(HttpMethod method, string path, string? json)
    {
        using var http = Client();
        using var request = new HttpRequestMessage(method, path);
        request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.ASCII.GetBytes($"{Account.Username}:{Account.Secret}")));
        if (json is not null)
        {
            request.Content = new StringContent(json, Encoding.UTF8, "application/json");
        }

        using var response = http.Send(request);
        using var reader = new StreamReader(response.Content.ReadAsStream());
        var body = reader.ReadToEnd();
        return response.IsSuccessStatusCode
            ? (body, response.Headers.ETag?.ToString())
            : throw new LoadException($"{method} {path} answered {(int)response.StatusCode}: {body}");
    }

    [GeneratedRegex(@"127\.0\.0\.1:(?<port>\d+)", RegexOptions.CultureInvariant, 1000)]
    private static partial Regex Address();

    private StentorConnection Open(IReadOnlyList<string> channels, Tally tally, Account? account, string after) =>
        overWebSocket
            ? new StentorConnection(_http, tally, SocketPath, account, channels, after)
            : new StentorConnection(_tcp, tally, null, account, channels, after);

    private void Register()
    {
        using var http = Client();
        using var content = new StringContent($$"""{"username":"{{Account.Username}}","secret":"{{Account.Secret}}"}""", Encoding.UTF8, "application/json");
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/accounts") { Content = content };
        using var response = http.Send(request);
        if (response.StatusCode != HttpStatusCode.Created)
        {
            using var reader = new StreamReader(response.Content.ReadAsStream());
            throw new LoadException($"Registering answered {(int)response.StatusCode}: {reader.ReadToEnd()}");
        }
    }

    private HttpClient Client() => new() { BaseAddress = new Uri($"http://127.0.0.1:{_http.Port}"), Timeout = TimeSpan.FromSeconds(30) };
}

/// <summary>A node's place in a cluster.</summary>
/// <param name="Region">Its region.</param>
/// <param name="SecretFile">The cluster's secret.</param>
/// <param name="Neighbour">The node that it links to; null for the founder.</param>
internal sealed record ClusterPlace(string Region, string SecretFile, StentorServer? Neighbour)
{
    /// <summary>Whether it keeps nothing.</summary>
    public bool IsEphemeral { get; init; }

    /// <summary>Whether it takes entries whatever they depend on: to see what the check costs. Only without a disk.</summary>
    public bool IgnoresDependencies { get; init; }
}
