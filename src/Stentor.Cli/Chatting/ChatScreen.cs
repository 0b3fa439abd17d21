using System.Globalization;
using System.Text.Json;
using Stentor.Cli.Clients;
using Stentor.Client;

namespace Stentor.Cli.Chatting;

/// <summary>What a talker sees. Any thread may call.</summary>
/// <param name="around">Terminal and streams.</param>
/// <param name="clock">The talker's clock; null for none, and then regions and times are not shown either.</param>
internal sealed class ChatScreen(Surroundings around, LamportClock? clock)
{
    private const string ClearLine = "\r\e[K";

    private readonly Lock _lock = new();
    private readonly EntryText _text = new(around.OutIsTerminal);
    private readonly OutputLines _output = new(around.Out);

    /// <summary>What the clock will show when something is said now; null without a clock.</summary>
    public long? ClockForNext
    {
        get
        {
            lock (_lock)
            {
                return clock?.Next;
            }
        }
    }

    /// <summary>Shows what others said.</summary>
    /// <param name="received">Their messages.</param>
    public void Show(IReadOnlyList<ReceivedActivity> received)
    {
        lock (_lock)
        {
            foreach (var one in received)
            {
                clock?.Heard(Math.Max(one.Lamport, ClockOf(one)));
                Add(_text.Said(one) + (clock is null ? "" : string.Create(CultureInfo.InvariantCulture, $"  (from {RegionNames.Of(one.Origin)} at Lamport time {one.Lamport})")));
            }

            _output.Flush();
        }
    }

    /// <summary>The talker has said something.</summary>
    /// <param name="outcome">What became of it.</param>
    public void Said(PublishOutcome outcome)
    {
        lock (_lock)
        {
            if (clock is not null)
            {
                clock.Said(outcome.Lamport);
                Add(string.Create(CultureInfo.InvariantCulture, $"said in {RegionNames.Of(outcome.Origin)} at Lamport time {outcome.Lamport}. The time is now {clock.Time}."));
                _output.Flush();
            }
        }
    }

    /// <summary>The talker has waited.</summary>
    /// <param name="seconds">How long.</param>
    public void Waited(int seconds)
    {
        lock (_lock)
        {
            clock?.Waited(seconds);
            Add($"The time is now {clock?.Time}.");
            _output.Flush();
        }
    }

    private void Add(string line) => _output.Add((around.OutIsTerminal ? ClearLine : "") + line);

    /// <summary>The sender's own clock, where it sent one: a message is heard after it was said, whatever clock its region has.</summary>
    private static long ClockOf(ReceivedActivity received) =>
        received.Json is { ValueKind: JsonValueKind.Object } activity && activity.TryGetProperty("clock", out var value) && value.ValueKind == JsonValueKind.Number
        && value.TryGetInt64(out var time) && time < long.MaxValue / 2
            ? time
            : 0;
}
