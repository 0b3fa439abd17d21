namespace Stentor.Gateways.Tests.ActivityStreamer;

public sealed class EchoGuardTests
{
    private const ulong Same = 1;
    private const ulong Other = 2;

    private readonly EchoGuard _guard = new();

    [Fact]
    public void What_a_peer_was_sent_a_moment_ago_is_its_echo_and_nobody_elses()
    {
        _guard.OnSent(1, Same, now: 0);

        Assert.True(_guard.IsEcho(1, Same, EchoGuard.EchoMs - 1));
        Assert.False(_guard.IsEcho(2, Same, EchoGuard.EchoMs - 1));
        Assert.False(_guard.IsEcho(1, Other, EchoGuard.EchoMs - 1));
        Assert.False(_guard.IsEcho(1, Same, EchoGuard.EchoMs));
    }

    [Fact]
    public void What_is_sent_now_and_again_is_known_by_the_last_time()
    {
        _guard.OnSent(1, Same, now: 0);
        _guard.OnSent(1, Same, EchoGuard.WindowMs - 100);
        _guard.OnSent(1, Other, EchoGuard.WindowMs + 100); // The first time is over; the last one is not.

        Assert.True(_guard.IsEcho(1, Same, EchoGuard.WindowMs + 200));
        Assert.False(_guard.IsEcho(1, Same, EchoGuard.WindowMs - 100 + EchoGuard.EchoMs));
    }

    [Fact]
    public void What_a_peer_brings_again_and_again_is_dropped_until_the_time_is_over()
    {
        var taken = Enumerable.Range(0, EchoGuard.RepeatsMax + 50).Count(_ => !_guard.IsEcho(1, Same, now: 5));

        Assert.Equal(EchoGuard.RepeatsMax, taken);
        Assert.False(_guard.IsEcho(2, Same, now: 5));
        Assert.False(_guard.IsEcho(1, Same, now: 5 + EchoGuard.WindowMs));
    }
}
