using System.Net.Sockets;
using System.Text.Json;
using Stentor.EndToEnd.Frames;
using Stentor.Protocol;

namespace Stentor.EndToEnd.Regions;

/// <summary>Reads everything from the start on, a while in one region and a while in the next, resuming after the last token.</summary>
/// <param name="name">Who, for messages.</param>
/// <param name="random">Its choices.</param>
internal sealed class RoamingReader(string name, Random random)
{
    private readonly ShownOrder _shown = new(name);
    private string _seen = "start";

    /// <summary>How many activities it was shown.</summary>
    public int Count => _shown.Count;

    /// <summary>In how many regions it read something.</summary>
    public int Visits { get; private set; }

    /// <summary>Roams until it is told to stop.</summary>
    /// <param name="regions">Where it may read at the moment.</param>
    /// <param name="stop">Tells it to stop.</param>
    public async Task RunAsync(Func<IReadOnlyList<RegionProcess>> regions, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            var choice = regions();
            await VisitAsync(choice[random.Next(choice.Count)], TimeSpan.FromMilliseconds(random.Next(300, 3_000)), int.MaxValue);
        }
    }

    /// <summary>Reads on until it was shown so much, then checks what it was shown.</summary>
    /// <param name="regions">Where it may read.</param>
    /// <param name="held">All that there is.</param>
    public async Task FinishAsync(IReadOnlyList<RegionProcess> regions, RegionLog held)
    {
        var count = held.Visible.Count();
        for (var visit = 0; visit < 10 && Count < count; visit++)
        {
            await VisitAsync(regions[(visit + 1) % regions.Count], TimeSpan.FromSeconds(5), count);
        }

        _shown.Check(held);
    }

    private async Task VisitAsync(RegionProcess region, TimeSpan duration, int until)
    {
        if (region.Up is not { } node)
        {
            await Task.Delay(50, CancellationToken.None); // Not there just now; the next visit is to another one.
            return;
        }

        var end = DateTime.UtcNow + duration;
        try
        {
            await using var connection = await FrameConnection.ConnectAsync(node.Tcp, patience: duration);
            await connection.SendAsync(JsonSerializer.Serialize(new { op = "subscribe", @ref = 1, channels = (string[])[">"], after = _seen }));
            var left = end - DateTime.UtcNow;
            using var over = new CancellationTokenSource(left > TimeSpan.Zero ? left : TimeSpan.Zero);
            await using var leave = over.Token.Register(connection.Abort);
            var visit = new Visit(_seen == "start" ? VersionVector.Empty : SeenToken.Decode(_seen), []);
            if (Count < until)
            {
                await connection.ReadRawAsync(frame => OnFrame(frame, visit) && Count < until);
            }
        }
        catch (Exception e) when (e is IOException or SocketException or EndOfStreamException or ObjectDisposedException)
        {
            // Killed, or the visit is over.
        }
    }

    private bool OnFrame(ReadOnlySpan<byte> bytes, Visit visit)
    {
        var reader = new Utf8JsonReader(bytes);
        using var json = JsonDocument.ParseValue(ref reader);
        var frame = json.RootElement;
        switch (frame.GetProperty("op").GetString())
        {
            case "ok":
                _seen = frame.GetProperty("seen").GetString()!;
                Visits++;
                return true;
            case "activity":
                var entry = LoggedEntry.Parse(frame.GetProperty("entry").GetRawText());

                // Across visits an entry may come again: after the token of one entry, which need not cover what the token before it covered.
                Assert.True(visit.After[new OriginId(entry.Origin)] < entry.Seq, $"{name}: {entry.Text} came after {visit.After}, which covers it.");
                Assert.True(visit.Numbers.Add((entry.Origin, entry.Seq)), $"{name}: {entry.Text} came twice.");
                _shown.Add(entry);
                if (frame.TryGetProperty("seen", out var seen))
                {
                    _seen = seen.GetString()!;
                }

                return true;
            case "ping":
                return true;
            case "error":
                Assert.True(frame.GetProperty("type").GetString() is "behind" or "not-ready", $"{name}: {frame.GetRawText()}");
                return false;
            default:
                Assert.Fail($"{name}: {frame.GetRawText()}");
                return false;
        }
    }

    /// <summary>A while in one region.</summary>
    /// <param name="After">What the reader had seen when it came.</param>
    /// <param name="Numbers">What it was shown there.</param>
    private sealed record Visit(VersionVector After, HashSet<(string, long)> Numbers);
}
