namespace Stentor.Simulation;

/// <summary>Runs the shipped core in a simulated world, and judges it.</summary>
public static class Simulator
{
    /// <summary>Runs one seed.</summary>
    /// <param name="options">What it is made from.</param>
    public static SimulationResult Run(SimulationOptions options) => new World(options).Run();
}
