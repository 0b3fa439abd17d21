using System.Diagnostics;

namespace Stentor.Load.Net;

/// <summary>The one clock of a measurement: nanoseconds, monotone.</summary>
internal static class Clock
{
    public const long Microsecond = 1_000;
    public const long Millisecond = 1_000_000;
    public const long Second = 1_000_000_000;

    private static readonly long NanosecondsPerTick = Second / Stopwatch.Frequency;

    public static long Now => Stopwatch.GetTimestamp() * NanosecondsPerTick;
}
