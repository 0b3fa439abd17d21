using System.Runtime.CompilerServices;
using Stentor.Testing;

namespace Stentor.Gateways.Tests.Http;

public sealed class RateLimitTests
{
    private readonly ManualTime _time = new();

    [Fact]
    public void A_full_bucket_gives_its_permits_at_once_and_then_one_at_a_time()
    {
        var limit = new RateLimit<string>(permitsMax: 6, TimeSpan.FromMinutes(1), _time);

        var taken = Enumerable.Range(0, 8).Count(_ => limit.TryTake("a", 1, out var _));
        limit.TryTake("a", 1, out var retryAfter);
        _time.Advance(TimeSpan.FromSeconds(10));
        var later = Enumerable.Range(0, 8).Count(_ => limit.TryTake("a", 1, out var _));

        Assert.Equal((6, 10, 1), (taken, (int)Math.Round(retryAfter.TotalSeconds), later));
    }

    [Fact]
    public void Each_key_has_a_bucket_of_its_own()
    {
        var limit = new RateLimit<string>(permitsMax: 1, TimeSpan.FromMinutes(1), _time);

        Assert.True(limit.TryTake("a", 1, out _));
        Assert.False(limit.TryTake("a", 1, out _));
        Assert.True(limit.TryTake("b", 1, out _));
    }

    [Fact]
    public void Asking_takes_nothing()
    {
        var limit = new RateLimit<string>(permitsMax: 1, TimeSpan.FromMinutes(1), _time);

        Assert.True(limit.TryTake("a", 0, out _));
        Assert.True(limit.TryTake("a", 0, out _));
        Assert.True(limit.TryTake("a", 1, out _));
        Assert.False(limit.TryTake("a", 0, out var retryAfter));
        Assert.Equal(60, (int)Math.Round(retryAfter.TotalSeconds));
    }

    [Fact]
    public void A_debt_is_waited_for()
    {
        var limit = new RateLimit<string>(permitsMax: 10, TimeSpan.FromSeconds(1), _time);

        Assert.Equal(TimeSpan.Zero, limit.Owe("a", 10));
        Assert.Equal(2, limit.Owe("a", 20).TotalSeconds, 3);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(1, limit.Owe("a", 0).TotalSeconds, 3);
        Assert.False(limit.TryTake("a", 1, out _));
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.True(limit.TryTake("a", 10, out _));
    }

    [Fact]
    public void More_keys_than_can_be_kept_do_not_take_more_memory()
    {
        var limit = new RateLimit<object>(permitsMax: 1, TimeSpan.FromMinutes(1), _time);

        var keys = TakeForEach(limit, 300_000);

        GC.Collect();
        Assert.InRange(keys.Count(key => key.IsAlive), 1, 100_000);
        GC.KeepAlive(limit);
    }

    /// <summary>Nobody but the limit holds the keys afterwards: what is still alive is what it keeps.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static List<WeakReference> TakeForEach(RateLimit<object> limit, int count)
    {
        var keys = new List<WeakReference>();
        for (var i = 0; i < count; i++)
        {
            var key = new object();
            limit.TryTake(key, 1, out _);
            keys.Add(new WeakReference(key));
        }

        return keys;
    }
}
