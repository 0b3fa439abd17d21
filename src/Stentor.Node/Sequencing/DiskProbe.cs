using Stentor.Storage;

namespace Stentor.Node;

/// <summary>Tries whether a disk that failed works again, when nobody publishes who would find out.</summary>
/// <param name="disk">The disk.</param>
internal sealed class DiskProbe(IDisk disk)
{
    private const string Name = "probe";

    // More than a small commit; less would succeed in the last corner of a full disk.
    private const int Bytes = 256 * 1024;

    /// <summary>Writes, syncs and deletes a file.</summary>
    /// <returns>Whether all of that worked.</returns>
    public bool Works()
    {
        try
        {
            using (var file = disk.Open(Name, DiskFileMode.Any))
            {
                file.Write(new byte[Bytes], 0);
                file.Sync();
            }

            disk.Delete(Name);
            return true;
        }
        catch (DiskException)
        {
            return false; // What was asked. The file, if it is there, is written over by the next try.
        }
    }
}
