namespace Stentor.Simulation.Tests;

public sealed class SimulatorTests
{
    [Fact]
    public void The_same_seed_is_the_same_run_byte_for_byte()
    {
        var options = new SimulationOptions { Seed = 5, Entries = 500, IsTold = true };

        var one = Simulator.Run(options);
        var same = Simulator.Run(options);
        var untold = Simulator.Run(options with { IsTold = false });

        Assert.Equal(one.Digest, same.Digest);
        Assert.Equal(one.Story!.ToText(), same.Story!.ToText());
        Assert.Equal(one.Digest, untold.Digest);
        Assert.NotEqual(one.Digest, Simulator.Run(options with { Seed = 6 }).Digest);
    }
}
