using System.Numerics;

namespace Stentor.Simulation;

/// <summary>
/// Numbers that follow from a seed and from nothing else: xoshiro256** (Blackman and Vigna, "Scrambled linear pseudorandom number generators",
/// 2021), filled from the seed by SplitMix64 (Steele et al., 2014). Written out here because a seed must mean the same run for as long as the
/// code that it drives is the same; <see cref="Random"/> does not promise that. One owner.
/// </summary>
public sealed class SeededRandom
{
    private ulong _s0;
    private ulong _s1;
    private ulong _s2;
    private ulong _s3;

    /// <summary>Starts at a seed.</summary>
    /// <param name="seed">Any number, 0 too.</param>
    public SeededRandom(ulong seed)
    {
        _s0 = SplitMix(ref seed);
        _s1 = SplitMix(ref seed);
        _s2 = SplitMix(ref seed);
        _s3 = SplitMix(ref seed);
    }

    /// <summary>The next 64 bits.</summary>
    public ulong NextBits()
    {
        var result = BitOperations.RotateLeft(_s1 * 5, 7) * 9;
        var shifted = _s1 << 17;
        _s2 ^= _s0;
        _s3 ^= _s1;
        _s1 ^= _s2;
        _s0 ^= _s3;
        _s2 ^= shifted;
        _s3 = BitOperations.RotateLeft(_s3, 45);
        return result;
    }

    /// <summary>A generator of its own, so that what one part of a world draws does not move what another one draws.</summary>
    public SeededRandom Fork() => new(NextBits());

    /// <summary>0 to one less than a bound.</summary>
    /// <param name="bound">At least 1.</param>
    public long Below(long bound)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bound, 1);

        // The upper half of the product: for bounds far below 2⁶⁴ the bias is far below what a simulation can see.
        return (long)Math.BigMul(NextBits(), (ulong)bound, out _);
    }

    /// <inheritdoc cref="Below(long)"/>
    public int Below(int bound) => (int)Below((long)bound);

    /// <summary>A number from a range.</summary>
    /// <param name="least">The least one.</param>
    /// <param name="most">The greatest one, not less.</param>
    public long Between(long least, long most) => least + Below(most - least + 1);

    /// <inheritdoc cref="Between(long, long)"/>
    public int Between(int least, int most) => least + Below(most - least + 1);

    /// <summary>0 to less than 1.</summary>
    public double NextUnit() => (NextBits() >> 11) * (1.0 / (1UL << 53));

    /// <summary>Whether something that happens with a probability happens.</summary>
    /// <param name="probability">0 for never, 1 for always.</param>
    public bool Chance(double probability) => NextUnit() < probability;

    /// <summary>A time to wait for what happens now and then: exponential around a mean, at most ten times as long.</summary>
    /// <param name="mean">The mean.</param>
    public long Around(long mean)
    {
        // A logarithm is the same on every machine only to the last bit or so; in whole microseconds that bit is gone.
        var wait = -Math.Log(1 - NextUnit()) * mean;
        return Math.Clamp((long)wait, 1, Math.Max(1, mean * 10));
    }

    /// <summary>One of several.</summary>
    /// <param name="items">At least one.</param>
    public T Pick<T>(IReadOnlyList<T> items) => items[Below(items.Count)];

    /// <summary>Brings a list into some order (Fisher and Yates).</summary>
    /// <param name="items">The list.</param>
    public void Shuffle<T>(IList<T> items)
    {
        for (var i = items.Count - 1; i > 0; i--)
        {
            var j = Below(i + 1);
            (items[i], items[j]) = (items[j], items[i]);
        }
    }

    private static ulong SplitMix(ref ulong state)
    {
        state += 0x9E3779B97F4A7C15;
        var mixed = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
        return mixed ^ (mixed >> 31);
    }
}
