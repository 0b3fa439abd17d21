using Stentor.Cli.Lab;

namespace Stentor.Cli.Tests.Lab;

public sealed class LabPlanTests
{
    [Fact]
    public void Everything_that_exists_is_measured_arch_by_arch()
    {
        var plan = LabPlan.Of([Arch.Push, Arch.Pull], [Transport.Sse, Transport.Http], [1, 5]);

        Assert.Equal(
            ["push over sse, 1 client", "push over sse, 5 clients", "push over http, 1 client", "push over http, 5 clients", "pull over http, 1 client", "pull over http, 5 clients"],
            plan.Combinations.Select(combination => combination.ToString()));
    }

    [Fact]
    public void What_does_not_exist_is_left_out_and_said_so_once()
    {
        var plan = LabPlan.Of([Arch.Pull, Arch.Mixed], [Transport.WebSocket, Transport.Sse, Transport.XmlRpc], [1, 2]);

        Assert.Equal([new(Arch.Pull, Transport.XmlRpc, 1), new(Arch.Pull, Transport.XmlRpc, 2), new(Arch.Mixed, Transport.XmlRpc, 2)], plan.Combinations);
        Assert.Equal(
            [
                "pull is left out over websocket and sse: nobody polls there.",
                "mixed is left out over websocket and sse: nobody polls there.",
                "mixed is left out for 1 client, which cannot be of both kinds.",
            ],
            plan.LeftOut);
    }

    [Fact]
    public void Half_of_a_mixed_population_is_pushed_to_and_half_of_it_pulls()
    {
        Assert.Equal((3, 3), Halves(6));
        Assert.Equal((4, 3), Halves(7));
    }

    [Fact]
    public void Words_are_taken_once_each_and_numbers_of_clients_in_their_order()
    {
        Assert.Equal([Arch.Pull, Arch.Push], LabWords.ReadArchs("pull, push,pull", out var arch));
        Assert.Equal([1, 7, 500], LabWords.ReadClients("7,500,1,7", out var clients));
        Assert.Null(arch);
        Assert.Null(clients);
    }

    private static (int Pushed, int Pulling) Halves(int clients) => new Combination(Arch.Mixed, Transport.Http, clients) is var mixed ? (mixed.Pushed, mixed.Pulling) : default;
}
