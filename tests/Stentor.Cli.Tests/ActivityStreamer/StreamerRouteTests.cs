using Stentor.Cli.ActivityStreamer;
using Stentor.Gateways;

namespace Stentor.Cli.Tests.ActivityStreamer;

public sealed class StreamerRouteTests
{
    private static readonly StreamerServer A = new("a", 1);
    private static readonly StreamerServer B = new("b", 2);
    private static readonly StreamerServer C = new("c", 3);

    [Fact]
    public void At_the_start_each_server_is_tried_once_and_at_once()
    {
        var route = new StreamerRoute([A, B]);

        Assert.Equal(A, route.Current);
        Assert.Equal(TimeSpan.Zero, route.Fail(random: 0));
        Assert.Equal(B, route.Current);
        Assert.Null(route.Fail(random: 0));
    }

    [Fact]
    public void After_a_login_servers_are_tried_in_order_for_ever_with_growing_waits()
    {
        var route = new StreamerRoute([A, B]);
        route.Fail(random: 0);
        route.LoggedIn();

        var tries = Enumerable.Range(0, 8).Select(_ => (Wait: route.Fail(random: 0)!.Value.TotalSeconds, route.Current)).ToList();

        Assert.Equal([0.2, 0.4, 0.8, 1.6, 3.2, 5, 5, 5], tries.Select(one => one.Wait));
        Assert.Equal([A, B, A, B, A, B, A, B], tries.Select(one => one.Current));
    }

    [Fact]
    public void Up_to_half_of_a_wait_is_taken_off_at_random_and_a_connection_that_held_starts_with_the_shortest()
    {
        var route = new StreamerRoute([A]);
        route.LoggedIn();

        Assert.Equal(TimeSpan.FromMilliseconds(100), route.Fail(random: 1));
        Assert.Equal(TimeSpan.FromMilliseconds(300), route.Fail(random: 0.5));
        route.LoggedIn();
        route.Held();
        Assert.Equal(TimeSpan.FromMilliseconds(200), route.Fail(random: 0));
    }

    [Fact]
    public void A_place_that_cannot_be_reached_leads_back_to_who_named_it_and_from_there_to_the_next()
    {
        var route = new StreamerRoute([A, B]);
        route.LoggedIn();

        Assert.True(route.TryRedirect(C));
        Assert.Equal(C, route.Current);
        Assert.Equal(TimeSpan.Zero, route.Fail(random: 0));
        Assert.Equal(A, route.Current);
        route.LoggedIn();
        Assert.True(route.TryRedirect(C));
        Assert.Equal(TimeSpan.FromMilliseconds(200), route.Fail(random: 0));
        Assert.Equal(B, route.Current);
    }

    [Fact]
    public void A_place_that_was_fine_and_is_lost_leads_to_the_first_server()
    {
        var route = new StreamerRoute([A, B]);
        route.Fail(random: 0);
        route.TryRedirect(C);
        route.LoggedIn();

        route.Fail(random: 0);

        Assert.Equal(A, route.Current);
    }

    [Fact]
    public void Redirects_in_a_row_are_bounded_until_a_connection_holds()
    {
        var route = new StreamerRoute([A]);

        Assert.Equal(10, Enumerable.Range(0, 20).Count(_ => route.TryRedirect(B)));
        route.Held();
        Assert.True(route.TryRedirect(B));
    }
}
