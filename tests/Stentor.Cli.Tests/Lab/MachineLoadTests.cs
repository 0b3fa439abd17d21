using Stentor.Cli.Lab;

namespace Stentor.Cli.Tests.Lab;

public sealed class MachineLoadTests
{
    private static readonly MachineLoad Before = new(Seconds(100), Node: Seconds(3), Lab: Seconds(10));

    [Fact]
    public void What_a_machine_used_is_all_but_its_idle_time()
    {
        Assert.Equal(Seconds(10 + 2 + 3 + 0.6 + 0.7), MachineLoad.Read("cpu  1000 200 300 4000 500 60 70 80 0 0"));
        Assert.Null(MachineLoad.Read("intr 1000"));
    }

    [Fact]
    public void The_node_and_those_who_are_not_of_the_lab_are_told_apart()
    {
        var after = new MachineLoad(Seconds(107), Node: Seconds(4), Lab: Seconds(12));

        Assert.Equal(0.2, after.NodeCores(Before, seconds: 5), 6);
        Assert.Equal(1.0, after.OtherCores(Before, seconds: 5)!.Value, 6); // Given, since both have the machine's.
    }

    [Fact]
    public void Clocks_that_do_not_tick_together_do_not_make_others_give_time_back()
    {
        Assert.Equal(0, new MachineLoad(Seconds(100.01), Node: Seconds(3), Lab: Seconds(10.02)).OtherCores(Before, seconds: 5));
    }

    [Fact]
    public void Where_the_system_does_not_tell_nobody_knows_of_others()
    {
        Assert.Null(new MachineLoad(null, Node: Seconds(3), Lab: Seconds(10)).OtherCores(Before, seconds: 5));
    }

    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);
}
