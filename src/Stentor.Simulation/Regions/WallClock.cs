namespace Stentor.Simulation;

/// <summary>A region's wall clock: off by something, too fast or too slow by something, and now and then it jumps.</summary>
/// <param name="schedule">Gives the true time.</param>
/// <param name="offsetMicros">How far it is ahead at first.</param>
/// <param name="driftPartsPerMillion">How much too fast it runs; negative for too slow.</param>
internal sealed class WallClock(Schedule schedule, long offsetMicros, int driftPartsPerMillion)
{
    /// <summary>The true time when every world begins: 1 January 2026.</summary>
    public const long Epoch = 1_767_225_600_000_000;

    private long _offset = offsetMicros;

    /// <summary>What it shows, microseconds since 1970.</summary>
    public long Micros => Epoch + schedule.Now + _offset + (schedule.Now * driftPartsPerMillion / 1_000_000);

    /// <summary>Sets it forwards, or backwards.</summary>
    /// <param name="micros">How far.</param>
    public void Jump(long micros) => _offset += micros;
}
