namespace Stentor.Storage;

/// <summary>Reading from a disk that fails in places: what it cannot read counts as zeros, block by block, so that its neighbours are not lost with it.</summary>
internal static class Salvage
{
    private const int BlockBytes = 4096;

    /// <summary>Reads at an offset.</summary>
    /// <param name="file">The file.</param>
    /// <param name="destination">Filled: zeros where nothing can be read, and past the end.</param>
    /// <param name="offset">Where to start.</param>
    public static void Read(IDiskFile file, Span<byte> destination, long offset)
    {
        if (TryRead(file, destination, offset))
        {
            return;
        }

        while (!destination.IsEmpty)
        {
            // Up to the next multiple of a block: a disk fails by blocks.
            var block = destination[..(int)Math.Min(destination.Length, BlockBytes - (offset % BlockBytes))];
            if (!TryRead(file, block, offset))
            {
                block.Clear();
            }

            destination = destination[block.Length..];
            offset += block.Length;
        }
    }

    private static bool TryRead(IDiskFile file, Span<byte> destination, long offset)
    {
        try
        {
            destination[file.Read(destination, offset)..].Clear();
            return true;
        }
        catch (DiskException e) when (e.Fault == DiskFault.Failed)
        {
            return false;
        }
    }
}
