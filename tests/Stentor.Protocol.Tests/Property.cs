using FsCheck;
using FsCheck.Fluent;

namespace Stentor.Protocol.Tests;

/// <summary>Runs properties over random values. A failure prints the value, shrunk, and the seed to run it again.</summary>
internal static class Property
{
    public static void Holds<T>(Gen<T> values, Action<T> property, int runs = 1_000, Func<T, IEnumerable<T>>? shrink = null) =>
        Check.One(
            Config.QuickThrowOnFailure.WithMaxTest(runs).WithQuietOnSuccess(true),
            Prop.ForAll(shrink is null ? Arb.From(values) : Arb.From(values, shrink), property));

    /// <summary>Parts left out, for a failure that should be short.</summary>
    public static IEnumerable<byte[]> Shorter(byte[] bytes)
    {
        for (var size = bytes.Length / 2; size > 0; size /= 2)
        {
            for (var at = 0; at + size <= bytes.Length; at += size)
            {
                yield return [.. bytes[..at], .. bytes[(at + size)..]];
            }
        }
    }
}
