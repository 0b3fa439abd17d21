namespace Stentor.Cli.Chatting;

/// <summary>A talker's own Lamport clock (Lamport: "Time, Clocks, and the Ordering of Events in a Distributed System", 1978), which waiting moves as well.</summary>
internal sealed class LamportClock
{
    /// <summary>What it shows; 0 at the beginning.</summary>
    public long Time { get; private set; }

    /// <summary>What it will show when something is said now.</summary>
    public long Next => Time + 1;

    /// <summary>Something was heard.</summary>
    /// <param name="time">Its time.</param>
    public void Heard(long time) => Time = Math.Max(Time, time);

    /// <summary>Something was said.</summary>
    /// <param name="time">The time that it was given.</param>
    public void Said(long time) => Time = Math.Max(Next, time);

    /// <summary>So many seconds were waited.</summary>
    /// <param name="seconds">How many.</param>
    public void Waited(int seconds) => Time += seconds;
}
