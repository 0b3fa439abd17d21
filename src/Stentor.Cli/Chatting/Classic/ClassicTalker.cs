namespace Stentor.Cli.Chatting.Classic;

/// <summary>What becomes of something that a talker wants to say.</summary>
/// <param name="Time">The time at which its server shows it.</param>
/// <param name="StallSeconds">How long it must wait before, so that it does not come before what it answers; 0 for not at all.</param>
/// <param name="Message">What is said of that; empty when it goes at once.</param>
/// <param name="IsRefused">Whether it is not said at all, because what it answers is not there.</param>
internal readonly record struct ClassicVerdict(long Time, long StallSeconds, string Message, bool IsRefused);

/// <summary>
/// A talker of the classic conversation, at one server: a clock of its own, which moves by what the talker says and waits, and not by what others say; and
/// what the server has shown. No I/O; one owner.
/// </summary>
/// <param name="name">The talker.</param>
/// <param name="server">The server's number.</param>
internal sealed class ClassicTalker(string name, int server)
{
    // Of each word, the last one shown, by whom it was said.
    private readonly Dictionary<(ClassicWord Word, string Sender), long> _shown = [];

    /// <summary>The talker's clock; 0 at the beginning.</summary>
    public long Clock { get; private set; }

    /// <summary>The talker.</summary>
    public string Name => name;

    /// <summary>The server's number.</summary>
    public int Server => server;

    /// <summary>The server has shown something.</summary>
    /// <param name="message">What.</param>
    public void Shown(ClassicMessage message)
    {
        var key = (message.Word, message.Sender);
        _shown[key] = Math.Max(_shown.GetValueOrDefault(key), message.TimeAt(server));
    }

    /// <summary>The talker has waited.</summary>
    /// <param name="seconds">How long.</param>
    /// <returns>What the clock shows now, as a sentence.</returns>
    public string Waited(int seconds)
    {
        Clock += seconds;
        return $"The time is now {Clock} seconds.";
    }

    /// <summary>
    /// Decides about a word: it is shown one tick after the later of the clock and what it answers; where that is what it answers, the difference is stalled.
    /// </summary>
    /// <param name="word">The word.</param>
    public ClassicVerdict Consider(ClassicWord word)
    {
        if (word.Before() is not { } before)
        {
            return new ClassicVerdict(Clock + 1, 0, "", IsRefused: false);
        }

        // A ring is found by whoever lost it; anyone may be glad.
        var answered = _shown.Where(pair => pair.Key.Word == before && (word != ClassicWord.Found || pair.Key.Sender == name)).Select(pair => pair.Value).DefaultIfEmpty(0).Max();
        var typed = word.Typed().ToUpperInvariant();
        if (answered == 0)
        {
            return new ClassicVerdict(0, 0, $"{typed} received before dependency: '{before.Typed()}' is not here yet, so this is refused. Send it again when it is.", IsRefused: true);
        }

        var stall = answered > Clock ? answered + 1 - Clock : 0;
        return new ClassicVerdict(
            Math.Max(Clock, answered) + 1, stall, stall > 0 ? $"{typed} received before dependency, stalling for {stall} seconds." : "", IsRefused: false);
    }

    /// <summary>Something was said.</summary>
    /// <param name="word">What.</param>
    /// <param name="time">At which time its server shows it.</param>
    public ClassicMessage Say(ClassicWord word, long time)
    {
        Clock = time;
        var message = new ClassicMessage(name, word, server, time);
        Shown(message);
        return message;
    }
}
