namespace Stentor.Simulation.Tests;

public sealed class SeededRandomTests
{
    [Fact]
    public void The_generator_is_the_published_one()
    {
        // SplitMix64 of 0 gives these four words (its authors' own test values), and they are the state that xoshiro256** starts from.
        Span<ulong> state = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F, 0xF88BB8A8724C81EC];

        var first = new SeededRandom(0).NextBits();

        Assert.Equal(System.Numerics.BitOperations.RotateLeft(state[1] * 5, 7) * 9, first);
    }

    [Fact]
    public void The_same_seed_gives_the_same_numbers_and_another_one_others()
    {
        var one = new SeededRandom(17);
        var same = new SeededRandom(17);
        var other = new SeededRandom(18);

        var numbers = Enumerable.Range(0, 100).Select(_ => one.NextBits()).ToList();

        Assert.Equal(numbers, Enumerable.Range(0, 100).Select(_ => same.NextBits()));
        Assert.NotEqual(numbers, Enumerable.Range(0, 100).Select(_ => other.NextBits()));
    }

    [Fact]
    public void Numbers_stay_within_their_bounds_and_reach_them()
    {
        var random = new SeededRandom(1);

        var numbers = Enumerable.Range(0, 1000).Select(_ => random.Between(-2, 2)).ToHashSet();

        Assert.Equal([-2, -1, 0, 1, 2], numbers.Order());
        Assert.All(Enumerable.Range(0, 1000), _ => Assert.InRange(random.Around(100), 1, 1000));
    }
}
