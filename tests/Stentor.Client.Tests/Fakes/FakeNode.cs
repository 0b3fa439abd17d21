using System.Text.Json;
using Stentor.Protocol;

namespace Stentor.Client.Tests;

/// <summary>
/// A node that serves sockets by itself, from a list of entries, and is as unreliable as a seed says: it cuts connections in the middle of anything,
/// loses answers, sends tokens as rarely as it may.
/// </summary>
internal sealed class FakeNode : IAsyncDisposable
{
    private readonly Random _random;
    private readonly Lock _lock = new();
    private readonly List<(OriginId Origin, long Seq, string Channel, string Entry)> _ledger = [];
    private readonly Dictionary<string, long> _ids = [];
    private readonly FakeRegion _region;
    private readonly Task _serving;
    private bool _ends;
    private TaskCompletionSource _grown = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public FakeNode(int seed, string origin = "eu-1", double cutChance = 0.1)
    {
        _random = new Random(seed);
        _region = new FakeRegion(origin);
        CutChance = cutChance;
        _serving = ServeAsync();
    }

    public FakeServer Server { get; } = new();

    /// <summary>How likely a connection is cut before each thing that it sends.</summary>
    public double CutChance { get; set; }

    /// <summary>The entries in this region's order.</summary>
    public IReadOnlyList<(OriginId Origin, long Seq, string Channel, string Entry)> Ledger
    {
        get
        {
            lock (_lock)
            {
                return [.. _ledger];
            }
        }
    }

    public void Record(string channel, string? id = null) => Apply(_region.Origin, _region.Seq + 1, channel, _region.Record(channel, id: id));

    /// <summary>Takes another region's entry.</summary>
    public void Apply(OriginId origin, long seq, string channel, string entry)
    {
        lock (_lock)
        {
            _ledger.Add((origin, seq, channel, entry));
            _grown.SetResult();
            _grown = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    public async ValueTask DisposeAsync()
    {
        _ends = true;
        await Server.DisposeAsync();
        lock (_lock)
        {
            _grown.TrySetResult();
        }

        await _serving;
    }

    private async Task ServeAsync()
    {
        var running = new List<Task>();
        while (await Server.TryNextSocketAsync() is { } socket)
        {
            running.Add(Task.Run(() => ServeAsync(socket)));
        }

        await Task.WhenAll(running);
    }

    private async Task ServeAsync(FakeSocket socket)
    {
        try
        {
            await socket.SendAsync("""{"op":"hello","node":"fake-1","region":"fake","version":"1","limits":{},"heartbeat":25}""");
            while (await socket.ReceiveAnyAsync() is { } frame)
            {
                CutMaybe(socket);
                switch (frame.GetProperty("op").GetString())
                {
                    case "subscribe":
                        await DeliverAsync(socket, frame);
                        return;
                    case "publish":
                        var outcome = Publish(frame);
                        CutMaybe(socket);
                        await socket.OkAsync(frame, outcome);
                        break;
                    default:
                        await socket.OkAsync(frame);
                        break;
                }
            }
        }
        catch (Exception e) when (e is IOException or System.Net.WebSockets.WebSocketException or ObjectDisposedException or InvalidOperationException or OperationCanceledException)
        {
            // Cut, by either side.
        }
    }

    private string Publish(JsonElement frame)
    {
        var channel = frame.GetProperty("channel").GetString()!;
        var id = frame.GetProperty("id").GetString()!;
        lock (_lock)
        {
            if (_ids.TryGetValue(id, out var known))
            {
                return _region.OutcomeOf(channel, known, duplicate: true);
            }

            Record(channel, id);
            _ids.Add(id, _region.Seq);
            return _region.OutcomeOf(channel, _region.Seq);
        }
    }

    private async Task DeliverAsync(FakeSocket socket, JsonElement subscribe)
    {
        var channels = new ChannelSet(subscribe.GetProperty("channels").EnumerateArray().Select(c => ChannelPattern.Parse(c.GetString()!)));
        var after = subscribe.GetProperty("after").GetString()!;
        var seen = after == "start" ? VersionVector.Empty : after == "now" ? SeenAt(int.MaxValue) : SeenToken.Decode(after);
        var position = 0;
        await socket.OkAsync(subscribe, $"\"seen\":\"{SeenToken.Encode(seen)}\"");
        while (!_ends)
        {
            Task grown;
            (OriginId Origin, long Seq, string Channel, string Entry)[] commit;
            lock (_lock)
            {
                grown = _grown.Task;
                commit = [.. _ledger.Skip(position).Take(Next(1, 6))];
            }

            if (commit.Length == 0)
            {
                await grown;
                continue;
            }

            position += commit.Length;
            var matching = commit.Where(e => seen[e.Origin] < e.Seq && channels.Contains(e.Channel)).ToArray();
            for (var i = 0; i < matching.Length; i++)
            {
                CutMaybe(socket);
                var at = Array.IndexOf(commit, matching[i]) + position - commit.Length + 1;
                var isLast = i == matching.Length - 1;
                await socket.SendAsync(FakeRegion.FrameOf(matching[i].Entry, isLast || Next(0, 3) == 0 ? SeenToken.Encode(SeenAt(at).Merge(seen)) : null));
            }
        }
    }

    private VersionVector SeenAt(int position) =>
        Ledger.Take(position).Aggregate(VersionVector.Empty, (seen, entry) => seen.With(entry.Origin, entry.Seq));

    private void CutMaybe(FakeSocket socket)
    {
        bool cut;
        lock (_lock)
        {
            cut = _random.NextDouble() < CutChance;
        }

        if (cut)
        {
            socket.Cut();
            throw new IOException("cut");
        }
    }

    private int Next(int min, int max)
    {
        lock (_lock)
        {
            return _random.Next(min, max);
        }
    }
}
