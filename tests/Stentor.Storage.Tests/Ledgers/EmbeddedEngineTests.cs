using Stentor.Simulation;

namespace Stentor.Storage.Tests;

public sealed class EmbeddedEngineTests : LedgerEngineSpecification, IDisposable
{
    private readonly SimulatedDisk _disk = new();
    private Store _store;
    private EmbeddedEngine _engine;

    public EmbeddedEngineTests()
    {
        _store = Store.Open(_disk, TestStore.Options());
        _engine = new EmbeddedEngine(_store, QueueMax);
    }

    protected override ILedgerEngine Engine => _engine;

    protected override Store Store => _store;

    protected override int QueueMax => 100;

    public void Dispose()
    {
        _engine.Dispose();
        _store.Dispose();
    }

    protected override void Crash()
    {
        Dispose();
        _disk.CutPower();
        _store = Store.Open(_disk, TestStore.Options());
        _engine = new EmbeddedEngine(_store, QueueMax);
    }

    protected override void FailNextCommit() => _disk.SyncsToFail = 1;
}
