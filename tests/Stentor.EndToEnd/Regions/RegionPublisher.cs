using System.Globalization;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Stentor.EndToEnd.Frames;
using Stentor.EndToEnd.Processes;

namespace Stentor.EndToEnd.Regions;

/// <summary>What a region promised.</summary>
/// <param name="Activity">Author and publish id.</param>
/// <param name="Origin">The entry's origin.</param>
/// <param name="Seq">Its number.</param>
/// <param name="Copies">How many regions had it on disk.</param>
internal sealed record Acknowledged(string Activity, string Origin, long Seq, int Copies);

/// <summary>
/// Publishes at an even pace, one publish after the other, at home as long as that works. What home does not answer is sent to another region under the same
/// id, so that both may record it.
/// </summary>
/// <param name="world">The regions.</param>
/// <param name="number">Which publisher this is.</param>
/// <param name="home">Where it publishes.</param>
/// <param name="random">Its choices.</param>
/// <param name="pace">Time between two publishes.</param>
internal abstract class RegionPublisher(RegionWorld world, int number, RegionProcess home, Random random, TimeSpan pace) : IAsyncDisposable
{
    private static readonly TimeSpan FinishWithin = TimeSpan.FromSeconds(60);

    private static readonly HttpClient Reads = new() { Timeout = TimeSpan.FromSeconds(8) };

    private string? _seen;

    /// <summary>What was promised.</summary>
    public List<Acknowledged> Acknowledged { get; } = [];

    /// <summary>How often a publish was sent to another region because the one before did not answer.</summary>
    public int Moves { get; private set; }

    /// <summary>How often it read in another region what it had written.</summary>
    public int OwnReads { get; private set; }

    /// <summary>As whom it publishes.</summary>
    protected abstract string Author { get; }

    /// <summary>Which publisher this is.</summary>
    protected int Number => number;

    /// <summary>Publishes until it is told to stop, and then until the last publish is acknowledged.</summary>
    /// <param name="stop">Tells it to stop.</param>
    public async Task RunAsync(CancellationToken stop)
    {
        for (var n = 1; !stop.IsCancellationRequested; n++)
        {
            var (channel, body) = Compose(n);
            body["id"] = string.Create(CultureInfo.InvariantCulture, $"{number}-{n}");
            if (n % 5 == 0)
            {
                body["copies"] = 2;
            }

            if (n % 3 == 0 && _seen is not null)
            {
                body["after"] = _seen;
            }

            await PublishAsync(channel, body, stop);
            // The load is a pace: nothing signals that the next one is due.
            await Task.Delay(pace, CancellationToken.None);
        }
    }

    /// <inheritdoc/>
    public abstract ValueTask DisposeAsync();

    /// <summary>How long an outcome is waited for: where copies are asked for, longer than the region itself waits for them.</summary>
    /// <param name="body">The publish.</param>
    protected static TimeSpan Patience(JsonObject body) => TimeSpan.FromSeconds(body["copies"] is null ? 3 : 8);

    /// <summary>The publish of a number.</summary>
    /// <param name="n">The number, from 1.</param>
    protected abstract (string Channel, JsonObject Body) Compose(int n);

    /// <summary>Sends a publish.</summary>
    /// <param name="region">Where.</param>
    /// <param name="node">The node there.</param>
    /// <param name="channel">The channel.</param>
    /// <param name="body">The rest.</param>
    /// <returns>The outcome, with <c>type</c> when it was refused; null when none came.</returns>
    protected abstract Task<JsonObject?> SendAsync(RegionProcess region, NodeProcess node, string channel, JsonObject body);

    private async Task PublishAsync(string channel, JsonObject body, CancellationToken stop)
    {
        var region = home;
        DateTime? finishUntil = null;
        while (true)
        {
            finishUntil ??= stop.IsCancellationRequested ? DateTime.UtcNow + FinishWithin : null;
            Assert.False(finishUntil < DateTime.UtcNow, $"Publish {body.ToJsonString()} to {channel} was never acknowledged.");
            if (region.Up is { } node && await SendAsync(region, node, channel, body) is { } outcome)
            {
                if (outcome["type"] is null)
                {
                    Keep(body, outcome);
                    _seen = (string)outcome["seen"]!;
                    await ReadOwnAsync(channel, _seen, Acknowledged[^1]);
                    await RepeatAsync(channel, body);
                    return;
                }

                // What faults may lead to; anything else is a refusal that nobody asked for.
                Assert.True((string)outcome["type"]! is "not-ready" or "behind" or "unauthenticated" or "disk-failed", $"{region.Name} refused {body.ToJsonString()}: {outcome.ToJsonString()}");
            }

            // A token may cover what a lost disk took with it.
            body.Remove("after");
            region = world.Regions[random.Next(world.Regions.Count)];
            Moves++;

            // As a client does before it dials again: without it, one that finds all regions down would spin.
            await Task.Delay(random.Next(20, 100), CancellationToken.None);
        }
    }

    private void Keep(JsonObject body, JsonObject outcome) =>
        Acknowledged.Add(new Acknowledged($"{Author}/{(string)body["id"]!}", (string)outcome["origin"]!, (long)outcome["seq"]!, (int)outcome["copies"]!));

    /// <summary>Now and then: the same is sent to another region at once, which has not heard of it yet, as a client does that lost the answer.</summary>
    private async Task RepeatAsync(string channel, JsonObject body)
    {
        var region = world.Regions[random.Next(world.Regions.Count)];
        body.Remove("after");
        if (random.Next(15) == 0 && region.Up is { } node && await SendAsync(region, node, channel, body) is { } outcome && outcome["type"] is null)
        {
            Keep(body, outcome);
        }
    }

    /// <summary>Now and then: what was written is there, in whichever region it is read, or that region says that it is behind.</summary>
    private async Task ReadOwnAsync(string channel, string seen, Acknowledged last)
    {
        if (random.Next(10) != 0 || world.Regions[random.Next(world.Regions.Count)].Up is not { } node)
        {
            return;
        }

        try
        {
            using var answer = await Reads.GetAsync(new Uri(node.Http, $"v1/channels/{channel}?after={seen}&wait=5"));
            if ((int)answer.StatusCode == 200)
            {
                var state = (await answer.Content.ReadFromJsonAsync<JsonObject>())!["state"]!;
                var field = string.Create(CultureInfo.InvariantCulture, $"count-{number}");
                var least = Acknowledged.Where(a => a.Origin == last.Origin && a.Seq <= last.Seq).DistinctBy(a => a.Activity).Count();
                Assert.True((long?)state[field] >= least, $"{node.Http} shows {field} as {state[field]} under a token that covers {least} publishes of it.");
                OwnReads++;
            }
            else
            {
                Assert.Equal(503, (int)answer.StatusCode);
            }
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException or IOException)
        {
            // Killed, or standing still.
        }
    }
}

/// <summary>Publishes frames over TCP, to channels that others write too, and reads what others say: its publishes depend on what it was delivered.</summary>
/// <param name="world">The regions.</param>
/// <param name="number">Which publisher this is.</param>
/// <param name="home">Where it publishes.</param>
/// <param name="random">Its choices.</param>
/// <param name="pace">Time between two publishes.</param>
internal sealed class FramePublisher(RegionWorld world, int number, RegionProcess home, Random random, TimeSpan pace) : RegionPublisher(world, number, home, random, pace)
{
    private FrameConnection? _connection;
    private NodeProcess? _connectedTo;
    private bool _isLoggedIn;

    /// <inheritdoc/>
    protected override string Author => NodeClient.Username;

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        if (_connection is not null)
        {
            await _connection.DisposeAsync();
            (_connection, _isLoggedIn) = (null, false);
        }
    }

    /// <inheritdoc/>
    protected override (string Channel, JsonObject Body) Compose(int n)
    {
        var add = new JsonObject { [$"count-{Number}"] = 1 };
        JsonObject effect = (n % 4) switch
        {
            0 => new() { ["add"] = add, ["remove"] = new JsonArray("flag") },
            1 => new() { ["add"] = add, ["set"] = new JsonObject { ["flag"] = $"{Number} says {n}" } },
            2 => new() { ["add"] = add, ["set"] = new JsonObject { [$"member-{Number}-{n % 7}"] = n } },
            _ => new() { ["add"] = add, ["remove"] = new JsonArray($"member-{Number}-{(n + 3) % 7}") },
        };

        // All of its counts are in one channel: what it has written is one number.
        return ("tally.all", new JsonObject { ["activity"] = new JsonObject { ["type"] = "Note", ["by"] = Number, ["n"] = n }, ["effect"] = effect });
    }

    /// <inheritdoc/>
    protected override async Task<JsonObject?> SendAsync(RegionProcess region, NodeProcess node, string channel, JsonObject body)
    {
        try
        {
            if (_connection is null || _connectedTo != node)
            {
                await DisposeAsync();
                _connection = await FrameConnection.ConnectAsync(node.Tcp, patience: Patience(body));
                _connectedTo = node;
            }

            using var impatience = new CancellationTokenSource(Patience(body));
            await using var giveUp = impatience.Token.Register(_connection.Abort);
            return await SendAsync(_connection, channel, body);
        }
        catch (Exception e) when (e is IOException or SocketException or EndOfStreamException or ObjectDisposedException)
        {
            // Killed, or standing still.
            await DisposeAsync();
            return null;
        }
    }

    private async Task<JsonObject> SendAsync(FrameConnection connection, string channel, JsonObject body)
    {
        if (!_isLoggedIn)
        {
            var login = await connection.RequestAsync("login", new JsonObject { ["username"] = NodeClient.Username, ["secret"] = NodeClient.Secret });
            if ((string?)login["op"] == "error")
            {
                return login; // The account has not come here yet.
            }

            await connection.SubscribeAsync("now", ">");
            _isLoggedIn = true;
        }

        var fields = (JsonObject)body.DeepClone();
        fields["channel"] = channel;
        return await connection.RequestAsync("publish", fields);
    }
}

/// <summary>Publishes over HTTP as nobody in particular: each publish depends on all that its region had applied.</summary>
/// <param name="world">The regions.</param>
/// <param name="number">Which publisher this is.</param>
/// <param name="home">Where it publishes.</param>
/// <param name="random">Its choices.</param>
/// <param name="pace">Time between two publishes.</param>
internal sealed class HttpPublisher(RegionWorld world, int number, RegionProcess home, Random random, TimeSpan pace) : RegionPublisher(world, number, home, random, pace)
{
    private readonly HttpClient _http = new();

    /// <inheritdoc/>
    protected override string Author => "anonymous";

    /// <inheritdoc/>
    public override ValueTask DisposeAsync()
    {
        _http.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    protected override (string Channel, JsonObject Body) Compose(int n) =>
        ("activities", new JsonObject { ["activity"] = new JsonObject { ["by"] = Number, ["n"] = n }, ["effect"] = new JsonObject { ["add"] = new JsonObject { [$"count-{Number}"] = 1 } } });

    /// <inheritdoc/>
    protected override async Task<JsonObject?> SendAsync(RegionProcess region, NodeProcess node, string channel, JsonObject body)
    {
        try
        {
            using var patience = new CancellationTokenSource(Patience(body));
            using var answer = await _http.PostAsJsonAsync(new Uri(node.Http, $"v1/channels/{channel}/activities"), body, patience.Token);
            return await answer.Content.ReadFromJsonAsync<JsonObject>(patience.Token);
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException or IOException)
        {
            return null;
        }
    }
}
