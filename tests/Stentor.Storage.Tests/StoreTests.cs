using Stentor.Simulation;

namespace Stentor.Storage.Tests;

public sealed class StoreOnAPhysicalDisk : StoreSpecification, IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("stentor-store-").FullName;
    private readonly PhysicalDisk _disk;

    public StoreOnAPhysicalDisk() => _disk = PhysicalDisk.Open(_directory);

    protected override IDisk Disk => _disk;

    protected override string? StatePath => Path.Combine(_directory, "state.db");

    public void Dispose()
    {
        _disk.Dispose();
        Directory.Delete(_directory, recursive: true);
    }
}

public sealed class StoreOnASimulatedDisk : StoreSpecification
{
    protected override IDisk Disk { get; } = new SimulatedDisk();

    protected override string? StatePath => null;
}
